import logging
from ipaddress import ip_network
from typing import Any

import pytest

from pelcro_orders.edge.proxies import Proxies

SAID = {"HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_X_FORWARDED_PROTO": "https"}


def left(proxies: Proxies, peer: str) -> dict[str, Any]:
    environ = {"REMOTE_ADDR": peer, "HTTP_HOST": "orders.example.com", **SAID}
    proxies.drop_unbelieved(environ)
    return {name: value for name, value in environ.items() if name.startswith("HTTP_X_")}


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_proxy_on_this_machine_is_believed(peer: str) -> None:
    assert left(Proxies(), peer) == SAID


@pytest.mark.parametrize("peer", ["10.0.0.7", "127.0.0.2", "2001:db8::7", "::ffff:10.0.0.7"])
def test_nobody_else_is_believed_which_is_logged_once(peer: str, caplog: pytest.LogCaptureFixture) -> None:
    proxies = Proxies()
    assert (left(proxies, peer), left(proxies, peer)) == ({}, {})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"{peer} sends X-Forwarded-" in caplog.text


def test_named_networks_are_believed_instead() -> None:
    proxies = Proxies([ip_network("10.0.0.0/8")])
    assert left(proxies, "10.0.0.7") == left(proxies, "::ffff:10.0.0.7") == SAID
    assert left(proxies, "127.0.0.1") == {}
    assert left(Proxies([], all_believed=True), "192.0.2.1") == SAID
