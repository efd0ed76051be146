import json
import os
import signal
import time
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from devserver.process import Process
from devserver.programs import OPENER
from devserver.temporary_services import TemporaryServices

WELL = {"postgresql": "answers", "redis": "answers"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporaryServices]:
    with TemporaryServices(tmp_path_factory.mktemp("stack")) as stack:
        stack.web()
        yield stack


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest, stack: TemporaryServices) -> Process:
    found: Process = getattr(stack, request.param)
    return found


def asked(stack: TemporaryServices) -> tuple[int, dict[str, Any]]:
    try:
        with OPENER.open(f"{stack.env['BASE_URL']}/healthz", timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def is_alive(stack: TemporaryServices) -> bool:
    with OPENER.open(f"{stack.env['BASE_URL']}/livez", timeout=1) as answer:
        return bool(answer.read() == b"alive\n")


def down(server: Process) -> tuple[int, dict[str, Any]]:
    return 503, {**WELL, "postgresql" if server.name == "PostgreSQL" else "redis": "does not answer"}


def test_it_says_which_one_is_gone_and_that_it_is_back(stack: TemporaryServices, server: Process) -> None:
    server.stop()
    assert asked(stack) == down(server)
    assert is_alive(stack)
    server.start()
    assert asked(stack) == (200, WELL)


def test_a_server_that_hangs_is_not_waited_for(stack: TemporaryServices, server: Process) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        assert asked(stack) == down(server)
        assert time.monotonic() - begun < 8
        assert is_alive(stack)
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_watcher_needs_no_known_host_name_and_no_tls(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/healthz", headers={"host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.json()) == (200, WELL)
