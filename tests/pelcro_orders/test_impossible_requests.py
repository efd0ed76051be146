"""Every address of admin, shop and API is given what no address, form or number holds: the answer is never a 5xx."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from customers.models import Customer, User
from ecommerce.models import ApiKey, Order, Sku
from tests.support.api_client import CORE, SDK
from tests.support.factories import ANA, make_customer, make_sku

pytestmark = pytest.mark.django_db
IMPOSSIBLE_TEXTS = ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0b", "%1b")
ODD_TEXTS = ("9" * 30, "9223372036854775808", "10000-01-01", "0000-01-01", "-1e999😀%27")
GROUP = re.compile(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|<[^>]+>")
PARAMETERS = (
    *("q", "p", "o", "e", "before", "after", "last", "per_page", "created_from", "created_until", "customer"),
    *("status__exact", "attention", "sort", "outcome", "next", "s", "term", "address", "kind__exact", "rule"),
    *("resolved_at__isnull", "error__gt", "is_active__exact", "_to_field", "_popup", "_changelist_filters"),
)


def addresses(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    for each in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(each.pattern).lstrip("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            yield path.replace("\\", "")


ADDRESSES = sorted({each for each in addresses() if "logout" not in each and "static" not in each})
# One test for each group of addresses: a failure names its address.
Chosen = Callable[[Sequence[Any], str], Sequence[Any]]
GROUPS = sorted({"/".join(each.split("/")[:4]) for each in ADDRESSES})


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.full)], ids=["a text each", "every text"])
def chosen(request: pytest.FixtureRequest) -> Chosen:
    """Return a function that gives the texts for an address: all of them, or the one whose turn it is."""
    return lambda texts, address: texts if request.param else texts[ADDRESSES.index(address) % len(texts) :][:1]


@pytest.fixture
def admin(db: None) -> Client:
    user = User.objects.create_user("admin", is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = settings.API_REQUESTS_PER_MINUTE_AND_ADDRESS = 1_000_000


def filled(address: str, value: str) -> str:
    return GROUP.sub(lambda _match: value, address)


def refused(response: Any) -> bool:
    """Refused in words: an API's answer in its own shape, a page as a page."""
    if response.status_code != 400:
        return False
    if response["Content-Type"].startswith("application/json"):
        return set(json.loads(response.content)["error"]) == {"code", "message", "field"}
    return "This request could not be read" in response.content.decode()


@pytest.mark.parametrize("group", GROUPS)
def test_no_address_breaks_over_an_impossible_path_or_query(group: str, admin: Client, chosen: Chosen) -> None:
    mine = [each for each in ADDRESSES if each == group or each.startswith(f"{group}/")]
    for address in mine:
        for value in chosen(IMPOSSIBLE_TEXTS, address):
            if GROUP.search(address):
                assert admin.get(filled(address, value)).status_code in {400, 404, 405}, (address, value)
            queried = admin.get(f"{filled(address, '1')}?q=1&{value}={value}")
            assert refused(queried), (address, value, queried.status_code)


@pytest.mark.parametrize("group", GROUPS)
def test_no_address_breaks_over_odd_numbers_dates_and_texts(group: str, admin: Client, chosen: Chosen) -> None:
    mine = [each for each in ADDRESSES if each == group or each.startswith(f"{group}/")]
    for address in mine:
        for value in chosen(ODD_TEXTS, address):
            sent = value if "%" in value else quote(value)
            path = filled(address, sent if GROUP.search(address) else "1")
            query = "&".join(f"{name}={sent}" for name in PARAMETERS)
            for response in (admin.get(path), admin.get(f"{path}?{query}"), admin.post(path, {"q": value})):
                assert response.status_code < 500, (address, value, response.status_code)


@pytest.mark.parametrize("group", [each for each in GROUPS if not each.startswith(("/api", "/webhooks"))])
def test_no_form_breaks_over_impossible_characters(group: str, admin: Client, chosen: Chosen) -> None:
    mine = [each for each in ADDRESSES if each == group or each.startswith(f"{group}/")]
    for address in mine:
        path = filled(address, "1")
        for form in chosen(({"name": "a\0b"}, {"na\x0bme": "b"}), address):
            assert refused(admin.post(path, form)), (path, form)
        encoded = "application/x-www-form-urlencoded"
        for text in chosen(IMPOSSIBLE_TEXTS, address):
            assert refused(admin.post(path, f"name={text}", content_type=encoded)), (path, text)


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages", "django_language"])
def test_a_cookie_with_an_impossible_character_is_refused(cookie: str) -> None:
    for path in ("/admin/", "/shop/", "/admin/login/"):
        response = Client(raise_request_exception=False).get(path, HTTP_COOKIE=f'{cookie}="a\\000b"')
        assert refused(response), (path, response.status_code)


def test_a_file_name_with_a_control_character_stores_nothing(admin: Client) -> None:
    file = SimpleUploadedFile("a\x1b.csv", b"name\nMug\n")
    response = admin.post("/admin/ecommerce/product/import/", {"import_file": file, "format": "0"})
    assert response.status_code < 500


@pytest.fixture
def shop_api(db: None) -> dict[str, Any]:
    customer: Customer = make_customer()
    _key, text = ApiKey.objects.create_key(name="Any", permissions=list(ApiKey.Permission), by=ANA)
    sku: Sku = make_sku(stock=5)
    return {"key": text, "customer": customer, "sku": sku}


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id": NaN}',
        b'{"user_id": 1, "extra": Infinity}',
        b'{"user_id": 1, "extra": [{"deep": -Infinity}]}',
        b'{"user_id": 1, "extra": 1e999}',
        b'{"user_id": ' + b"9" * 5000 + b"}",
        b'{"user_id": 1, "coupon_code": "a\\u0000b"}',
        b'{"user_id": 1, "coupon_code": "\\ud800"}',
        b'{"user_id": 1, "coupon_code": "\\u001b"}',
        b'{"user_id": 1, "a\\u0000b": 1}',
        b'{"user_id": 1, "coupon_code": "\xff"}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_an_api_body_with_what_json_or_text_has_not_is_malformed(body: bytes, shop_api: dict[str, Any]) -> None:
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {shop_api['key']}"}
    for path in (f"{CORE}/orders", f"{SDK}/auth/login", f"{SDK}/auth/register"):
        client = Client(raise_request_exception=False)
        response = client.generic("POST", path, body, content_type="application/json", **headers)
        assert (response.status_code, response.json()["error"]["code"]) in {(400, "malformed"), (422, "invalid")}
        assert response["Content-Type"] == "application/json"
    assert Order.objects.count() == 0


@pytest.mark.parametrize("value", ["9" * 30, "9223372036854775808", "-1", "0"])
def test_an_id_that_cant_exist_is_not_found_or_invalid(value: str, shop_api: dict[str, Any]) -> None:
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {shop_api['key']}"}
    client = Client(raise_request_exception=False)
    assert client.get(f"{CORE}/orders/{value}", **headers).status_code in {400, 404, 422}
    for name in ("user_id", "limit", "created_from", "created_before", "starting_after"):
        assert client.get(f"{CORE}/orders?{name}={value}", **headers).status_code in {200, 400, 404, 422}, name


def test_the_lines_of_a_text_and_any_script_are_texts(admin: Client) -> None:
    words = "Größe\t日本語\r\n😀\ufffd \u200d"
    assert admin.get("/admin/ecommerce/order/", {"q": words}).status_code == 200
    assert admin.post("/admin/ecommerce/coupon/add/", {"code": words}).status_code == 200


def test_the_words_of_the_refusal_are_readable_without_signing_in() -> None:
    response = Client().get("/admin/?q=%00")
    assert refused(response)
    assert "Nothing was changed" in response.content.decode()
