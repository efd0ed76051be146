"""Connections to the web server itself: what Django's own test server would hide."""

import http.client

import pytest

from tests.faults.conftest import House
from tests.support.api_client import SDK


@pytest.mark.django_db(transaction=True)
def test_a_body_that_is_refused_leaves_the_connection_to_the_next_request(house: House) -> None:
    house.web()
    connection = http.client.HTTPConnection("127.0.0.1", house.stack.port, timeout=10)
    connection.connect()
    opened = connection.sock
    for size, status in ((10_000, 400), (70_000, 413), (200_000, 413), (1_000_000, 413)):
        connection.request("POST", f"{SDK}/auth/login", b"x" * size, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:8]) == (status, b'{"error"')
        connection.request("GET", f"{SDK}/ecommerce/products")
        assert connection.getresponse().read() == b'{"data":[]}'
        assert connection.sock is opened
    connection.request("POST", f"{SDK}/auth/login", b"x", {"Content-Length": "9" * 20})
    assert connection.getresponse().status == 413
    connection.close()
