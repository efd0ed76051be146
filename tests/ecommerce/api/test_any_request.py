"""Requests that nobody thought of, made from the documentation: no answer of it is a 5xx or undocumented."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import Phase, given, settings
from schemathesis import checks

from customers.models import Customer
from ecommerce.api.root import api
from ecommerce.models import ApiKey, Sku
from pelcro_orders.wsgi import application
from tests.support.api_client import Api, paying
from tests.support.factories import ANA, make_address, make_coupon

EXAMPLES = 12
CHECKS: list[Any] = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]


ADDRESSES = [
    (method.upper(), path) for path, methods in api.get_openapi_schema()["paths"].items() for method in methods
]
STRIPE = re.compile("POST.*(/order|/pay|/confirm|/sources|core/.*)$|DELETE")
MONEY = [each for each in ADDRESSES if STRIPE.search(" ".join(each))]


@contextmanager
def one_connection() -> Iterator[None]:
    """Have requests end without closing the connection that holds the test's transaction, as Django's client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def tokens(ada: Api, customer: Customer, mug: Sku, request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the two ways in, to a shop in which ids from 1 on mean something."""
    limits = request.getfixturevalue("settings")
    limits.API_REQUESTS_PER_MINUTE = limits.API_REQUESTS_PER_MINUTE_AND_ADDRESS = 1_000_000
    make_address(customer)
    make_coupon()
    _key, text = ApiKey.objects.create_key(name="Any", permissions=list(ApiKey.Permission), by=ANA)
    return {"/api/v1/sdk/": ada.token, "/api/v1/core/": text}


@functools.cache
def documentation() -> Any:
    with one_connection():
        return schemathesis.openapi.from_wsgi("/api/openapi.json", application)


def ask_anything(method: str, path: str, tokens: dict[str, str]) -> None:
    operation = documentation()[path][method]
    token = next(token for prefix, token in tokens.items() if path.startswith(prefix))
    # Signing out would end the token for all that follows.
    headers = {} if path.endswith("/logout") else {"Authorization": f"Bearer {token}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    with one_connection():
        asked()


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), [each for each in ADDRESSES if each not in MONEY])
def test_any_request_is_answered_as_documented(method: str, path: str, tokens: dict[str, str]) -> None:
    ask_anything(method, path, tokens)


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), MONEY)
def test_any_request_about_money_is_answered_as_documented(
    method: str, path: str, tokens: dict[str, str], ada: Api, mug: Sku
) -> None:
    ada.order(paying(mug))
    ask_anything(method, path, tokens)
