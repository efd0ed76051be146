import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from backoffice.card_numbers import holds_card_number
from customers.models import Customer
from ecommerce.api import throttling
from ecommerce.models import Order, Sku
from tests.support.api_client import CORE, PASSWORD, SDK, Api, paying
from tests.support.services import SERVICES

pytestmark = pytest.mark.django_db
CARD = "4242424242424242"


@pytest.mark.parametrize(
    "written",
    [
        CARD,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        int(CARD),
        "378282246310005",
        f"mine is {CARD}, thanks",
        "6011000990139424",
    ],
)
@pytest.mark.parametrize("field", ["gateway_token", "coupon_code", "note", "items"])
def test_a_card_s_number_in_any_field_is_refused_and_logged_nowhere(
    ada: Api, mug: Sku, field: str, written: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = ada.order({**paying(mug), field: [{"sku_id": written}] if field == "items" else written})

    assert answer.refused == (422, "card_number_refused")
    assert answer.error["field"].startswith(field)
    digits = "".join(character for character in str(written) if character.isdigit())
    told = (caplog.text + str(answer.body)).replace(" ", "").replace("-", "")
    assert digits not in told
    assert Order.objects.count() == 0


def test_a_card_s_number_is_refused_before_anybody_signs_in_and_wherever_it_stands(ada: Api, mug: Sku) -> None:
    refused = (422, "card_number_refused")
    assert Api().post(f"{SDK}/auth/login", {"email": "a@b.c", "password": CARD}).refused == refused
    assert Api().get(f"{SDK}/ecommerce/products?card={CARD}").refused == refused
    assert Api().get(f"{CORE}/orders/{CARD}").refused == refused
    assert Api().get(f"{SDK}/ecommerce/products?card={CARD}&card=x").refused == refused
    assert Api().get(f"{SDK}/ecommerce/products?{CARD}=x").refused == refused
    assert Api().post(f"{SDK}/auth/login", {CARD: 1}).refused == refused
    assert ada.order(paying(mug), idempotency_key=CARD).refused == refused
    assert Order.objects.count() == 0


def test_a_field_named_twice_is_malformed_whatever_the_first_one_says(ada: Api, mug: Sku) -> None:
    twice = json.dumps(paying(mug)).replace('"gateway_token"', f'"gateway_token": "{CARD}", "gateway_token"')
    assert ada.ask("POST", f"{SDK}/ecommerce/order", twice.encode()).refused == (400, "malformed")
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    "written",
    ["4242424242424241", "+442079460958123", "1234567890123", "00000000000000", "424242424242", "9" * 25, 1e15],
)
def test_other_long_numbers_pass(ada: Api, written: Any) -> None:
    assert ada.ask("PATCH", f"{SDK}/customer", {"first_name": "Ada", "other": written}).status == 200


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_takes_is_malformed(ada: Api, text: str) -> None:
    assert ada.ask("PATCH", f"{SDK}/customer", {"first_name": text}).refused == (400, "malformed")
    assert ada.ask("PATCH", f"{SDK}/customer", {text: "x"}).refused == (400, "malformed")
    assert ada.get(f"{SDK}/ecommerce/orders/%00").refused == (400, "malformed")


def test_a_body_has_a_size_at_most(ada: Api) -> None:
    body = {"first_name": "Ada", "other": "x" * 64 * 1024}
    assert ada.ask("PATCH", f"{SDK}/customer", body).refused == (413, "too_large")


def test_a_body_without_a_length_is_refused_and_not_taken_for_none(staff: Api) -> None:
    returned = staff.post(f"{CORE}/orders/1/return", {"restock": False}, transfer_encoding="chunked")
    assert returned.refused == (411, "length_required")


def test_nothing_of_the_api_is_kept_by_a_cache(ada: Api) -> None:
    answers = (ada.get(f"{SDK}/customer"), ada.get(f"{SDK}/nothing"), Api().get(f"{SDK}/customer"))
    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 3


def test_what_django_refuses_has_the_api_s_shape(ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ada.get(f"{SDK}/nothing").refused == (404, "not_found")
    wrong = ada.get(f"{SDK}/ecommerce/order")
    assert (wrong.refused, wrong.headers["Allow"]) == ((405, "method_not_allowed"), "POST")

    def fail(*_: Any) -> None:
        raise ZeroDivisionError(CARD)

    monkeypatch.setattr("ecommerce.api.routes.customer.customer_response", fail)
    assert ada.get(f"{SDK}/customer").refused == (500, "internal_error")


def test_a_customer_may_ask_so_often_a_minute(ada: Api, eve: Api, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    statuses = [ada.get(f"{SDK}/customer").status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = ada.get(f"{SDK}/ecommerce/orders")
    assert (answer.refused, answer.headers["Retry-After"]) == ((429, "too_many_requests"), "60")
    assert eve.get(f"{SDK}/customer").status == 200


def test_an_address_may_ask_so_often_a_minute(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_AND_ADDRESS = 2
    asked = [Api().get(f"{SDK}/ecommerce/products", x_forwarded_for=f"10.0.0.{each}") for each in range(3)]
    assert [answer.status for answer in asked] == [200, 200, 429]
    assert asked[2].headers["Retry-After"] == "60"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert Api().get(f"{SDK}/ecommerce/products", x_forwarded_for="10.0.0.9").status == 200


@pytest.fixture
def _redis_gone(pytestconfig: pytest.Config) -> Iterator[None]:
    server = pytestconfig.stash[SERVICES].redis
    server.kill()
    throttling._alone().storage.reset()
    yield
    server.start()


@pytest.mark.usefixtures("_redis_gone")
def test_with_redis_gone_requests_are_still_counted_and_people_still_sign_in(customer: Customer, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE_AND_ADDRESS = 7
    known = {"email": "ada@example.com", "password": PASSWORD}
    assert Api().post(f"{SDK}/auth/login", known).status == 200
    asked = [Api().post(f"{SDK}/auth/login", known | {"password": "wrong"}) for _ in range(7)]
    assert [answer.code for answer in asked] == ["invalid_credentials"] * 5 + ["too_many_requests"] * 2
    assert [answer.headers["Retry-After"] for answer in asked[5:]] == ["300", "60"]


def test_other_origins_ask_where_the_settings_name_them(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example.com"]
    client = Api().client
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "idempotency-key"}
    for origin, path, allowed in (
        ("https://shop.example.com", f"{SDK}/ecommerce/order", "https://shop.example.com"),
        ("https://evil.example.com", f"{SDK}/ecommerce/order", None),
        ("https://shop.example.com", f"{CORE}/orders", None),
        ("https://shop.example.com", "/admin/", None),
    ):
        answer = client.options(path, HTTP_ORIGIN=origin, **asked)  # type: ignore[arg-type]
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        if allowed:
            assert "idempotency-key" in answer["Access-Control-Allow-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("number", [CARD, "5555555555554444", "6200000000000005", "30569309025904", "3530111333300000"])
def test_the_test_cards_of_stripe_are_recognised(number: str) -> None:
    assert holds_card_number(number)
