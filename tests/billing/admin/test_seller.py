"""Who sells, and what other currencies are worth: the pages, and what they change."""

import struct
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.models import Activity
from billing import numbers
from billing.documents import make
from billing.models import Counter, Document, ExchangeRate, Invoice, Seller, SellerVersion
from customers.models import User
from ecommerce.models import ShopSettings
from tests.support.factories import make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import a_paid_order
from tests.support.sellers import DETAILS, a_seller

pytestmark = pytest.mark.django_db
PAGE, RATES = "/admin/billing/seller/", "/admin/billing/exchangerate/"
AsRole = Callable[[str], Client]
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAAEUlEQVR42mP4z8CAFTFQTwIAWl4f4Q122OMAAAAASUVORK5CYII=")
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def admin(as_role: AsRole) -> Client:
    return as_role("admin")


def save(browser: Client, **fields: Any) -> Any:
    return browser.post(PAGE, filled_in(browser.get(PAGE)) | DETAILS | fields, follow=True)


def logo(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("logo.png", content, "image/png")


def test_it_is_filled_in_and_frozen_and_recorded(admin: Client) -> None:
    page = save(admin, tax_id="de 136 695 976")
    assert page.redirect_chain == [(PAGE, 302)]
    seller = Seller.objects.get()
    assert (seller.name, seller.tax_id) == ("Krug GmbH", "DE136695976")
    assert seller.version
    assert seller.version.details["city"] == "Berlin"
    assert ShopSettings.objects.get().tax_id == "DE136695976"
    (told,) = Activity.objects.filter(object_type="billing.seller")
    assert told.changes["name"] == ["", "Krug GmbH"]
    save(admin, bank="IBAN DE89")
    save(admin, bank="")
    assert [each.details["bank"] for each in SellerVersion.objects.order_by("pk")] == ["", "IBAN DE89", ""]
    save(admin, invoice_prefix="RE-")
    assert SellerVersion.objects.count() == 3


def test_who_may(as_role: AsRole) -> None:
    for role, status in (("Support", 403), ("Finance", 200), ("Manager", 200)):
        assert as_role(role).get(PAGE).status_code == status
    other = as_role("other")
    user = User.objects.get(username="other")
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_seller", "change_seller")))
    save(other)
    assert Seller.objects.get().name == "Krug GmbH"
    finance = Client()
    finance.force_login(User.objects.get(username="finance"))
    assert finance.post(PAGE, DETAILS | {"name": "Thief"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"country": ""}, "This field is required."),
        ({"tax_id": "DE136695977"}, "The check digit of “DE136695977” is wrong"),
        ({"tax_id": "136695976"}, "write it with its country's prefix"),
        ({"invoice_prefix": "INV-2026-"}, "Ensure this value has at most 6 characters"),
        ({"invoice_prefix": "R2-"}, "Write capital letters"),
        ({"credit_note_prefix": "INV-"}, "Invoices and credit notes need different beginnings."),
        ({"logo_file": logo(b"GIF89a" + b"x" * 40)}, "The logo is no PNG"),
        ({"logo_file": logo(PNG[:16] + struct.pack(">II", 9000, 4) + PNG[24:])}, "has 9000 x 4 pixels"),
        ({"logo_file": logo(PNG[:60])}, "can't be put into a PDF"),
        ({"logo_file": logo(PNG + b"x" * 200_000)}, "more than 200 kB"),
    ],
)
def test_what_is_refused_says_why(admin: Client, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences(save(admin, **fields))
    assert Seller.objects.get().version is None


def test_a_logo_is_kept_with_its_version_and_removed(admin: Client) -> None:
    assert "None: documents begin with the name." in sentences(admin.get(PAGE))
    page = save(admin, logo_file=logo(PNG))
    assert "data:image/png;base64," in page.content.decode()
    with_logo = Seller.objects.get().version
    assert with_logo
    assert bytes(with_logo.logo or b"") == PNG
    save(admin, remove_logo="on")
    assert Seller.objects.get().logo is None
    assert SellerVersion.objects.count() == 2


def test_an_address_that_lacks_something_is_warned_about(admin: Client) -> None:
    assert "Postal code is missing" in sentences(save(admin, postal_code=""))


def test_saving_lets_the_documents_go_on_that_waited_for_it(admin: Client, settings: Any) -> None:
    settings.IS_TEST_SHOP = False
    order = a_paid_order(make_customer(), make_sku())
    assert order.invoice
    document = make.document_for(order.invoice)
    assert document
    assert make.make_now(document.pk).status == "broken"
    assert "1 document that waited for this is issued now." in sentences(save(admin))
    assert Document.objects.get().status == "queued"


def test_the_dashboard_reminds_until_it_is_filled_in(as_role: AsRole) -> None:
    finance = as_role("Finance")
    assert "Nobody has filled in the seller's name and address" in sentences(finance.get("/admin/"))
    assert "Who sells?" not in sentences(as_role("Support").get("/admin/"))
    a_seller()
    assert "Who sells?" not in sentences(finance.get("/admin/"))


def test_the_settings_name_the_seller(as_role: AsRole) -> None:
    manager = as_role("Manager")
    assert "Nobody has filled in who sells." in sentences(manager.get("/admin/settings/"))
    a_seller()
    assert "Krug GmbH, DE136695976" in sentences(manager.get("/admin/settings/"))


def test_exchange_rates_are_kept_by_finance(as_role: AsRole) -> None:
    finance = as_role("Finance")
    rate = {"currency": "usd", "to_currency": "eur", "rate": "0.9231", "day": "2026-11-28", "source": "ECB"}
    assert finance.post(f"{RATES}add/", rate).status_code == 302
    assert ExchangeRate.objects.get().rate == Decimal("0.9231")
    assert "USD 1 = EUR 0.9231" in sentences(finance.get(RATES))
    for wrong, sentence in (
        ({}, "There is a rate of these currencies from this day on already."),
        ({"to_currency": "usd"}, "These are the same currency."),
        ({"rate": "0"}, "A rate is above 0."),
    ):
        assert sentence in sentences(finance.post(f"{RATES}add/", rate | wrong))
    assert as_role("Support").get(RATES).status_code == 403


def test_numbers_have_the_prefix_and_the_year_and_no_gap() -> None:
    a_seller()
    Counter.objects.create(name="invoice", value=122)
    assert numbers.take_numbers("invoice", at=AT).numbers == ["INV-000123"]
    a_seller(invoice_prefix="RE-", year_in_numbers=True)
    taken = numbers.take_numbers("invoice", 2, at=AT, currency="usd")
    assert taken.numbers == ["RE-2026-000124", "RE-2026-000125"]
    assert (taken.seller_currency, taken.exchange_rate) == ("eur", None)
    assert numbers.take_numbers("invoice", at=AT, currency="eur").seller_currency == ""
    new_year = datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert numbers.take_numbers("invoice", at=new_year).numbers == ["RE-2027-000127"]
    assert numbers.take_numbers("credit_note", at=AT).numbers == ["CN-2026-000001"]
    Seller.objects.all().delete()
    assert numbers.take_numbers("invoice", at=AT).numbers == ["INV-000128"]
    for number in ("INV-000123", "RE-2026-000124"):
        found = numbers.NUMBER.fullmatch(number)
        assert found
        assert found[1] == number[-6:]


def test_the_rate_of_the_day_is_frozen() -> None:
    a_seller()
    known = {"to_currency": "eur", "source": "ECB"}
    for day, rate in (("2026-11-20", "0.5"), ("2026-11-28", "0.6"), ("2026-11-29", "0.7")):
        ExchangeRate.objects.create(currency="usd", day=day, rate=rate, **known)
    taken = numbers.take_numbers("invoice", at=AT, currency="usd")
    assert (taken.exchange_rate, taken.exchange_rate_source) == (Decimal("0.6"), "ECB")


@pytest.mark.parametrize("typed", ["RE-2026-000124", "re-2026-000124"])
def test_a_number_with_any_prefix_is_found(as_role: AsRole, typed: str) -> None:
    order = a_paid_order(make_customer(), make_sku())
    Invoice.objects.update(number="RE-2026-000124")
    viewer = as_role("Viewer")
    assert "RE-2026-000124" in sentences(viewer.get("/admin/billing/invoice/", {"q": typed}))
    assert f">{order.number}<" in viewer.get("/admin/ecommerce/order/", {"q": typed}).content.decode()
