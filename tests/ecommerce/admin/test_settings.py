from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from backoffice.models import Activity
from ecommerce.models import ShopSettings, TaxRate
from ecommerce.models.shop_settings import first_tax_included_currencies
from tests.support.forms import filled_in, sentences

PAGE = "/admin/settings/"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def save(browser: Client, **fields: Any) -> Any:
    typed = filled_in(browser.get(PAGE)) | {"tax_included_currencies": [], "stacked_countries": ["US"]} | fields
    typed |= {"initial-tax_included_currencies": [], "initial-stacked_countries": ["US"]}
    return browser.post(PAGE, typed, follow=True)


def test_a_new_shop(db: None, settings: Any) -> None:
    shop = ShopSettings.objects.get()
    assert (shop.country, shop.tax_id, shop.small_business) == ("", "", False)
    assert (shop.shipping_tax, shop.tax_day, shop.stacked_countries) == ("share", "payment", ["US"])
    assert shop.tax_included_currencies == []
    assert not shop.includes_tax("usd")
    settings.PRICES_INCLUDE_TAX = True
    assert {"usd", "eur", "jpy"} <= set(first_tax_included_currencies())


def test_the_settings_are_saved_and_recorded(manager: Client) -> None:
    page = save(
        manager,
        country="DE",
        tax_included_currencies=["eur", "gbp"],
        shipping_tax="highest",
        tax_day="order",
        stacked_countries=["US", "CA"],
    )
    assert page.redirect_chain == [(PAGE, 302)]
    shop = ShopSettings.objects.get()
    assert (shop.pk, shop.country) == (1, "DE")
    assert (shop.tax_included_currencies, shop.stacked_countries) == (["eur", "gbp"], ["US", "CA"])
    assert (shop.shipping_tax, shop.tax_day) == ("highest", "order")
    assert shop.includes_tax("eur")
    (told,) = Activity.objects.filter(object_type="ecommerce.shopsettings", act="changed")
    assert told.changes["tax_day"] == ["payment", "order"]
    assert told.changes["tax_included_currencies"] == [None, ["eur", "gbp"]]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"small_business": "on"}, "Name the paragraph: invoices have to say it."),
        ({"small_business_reason": "§ 19"}, "Leave it empty, or tick small business."),
        ({"tax_included_currencies": ["xxx"]}, "Select a valid choice."),
    ],
)
def test_what_is_refused_says_why(manager: Client, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences(save(manager, **fields))
    assert ShopSettings.objects.get().country == ""


def test_the_page_says_what_inclusive_prices_mean_abroad_and_who_calculates(manager: Client, settings: Any) -> None:
    TaxRate.objects.create(country="DE", name="VAT", percent=19)
    text = sentences(manager.get(PAGE))
    assert "A price that includes tax stays the same abroad" in text
    assert "the table of tax rates (1 rates)" in text or "the table of tax rates (1 rate)" in text
    settings.TAX_PROVIDER = "stripe"
    assert "Stripe Tax" in sentences(manager.get(PAGE))


def test_finance_looks_and_support_does_not(as_role: Callable[[str], Client]) -> None:
    finance, support = as_role("Finance"), as_role("Support")
    assert "Where the shop sends from." not in sentences(support.get(PAGE))
    assert support.get(PAGE).status_code == 403
    assert finance.get(PAGE).status_code == 200
    assert finance.post(PAGE, {"country": "DE"}).status_code == 403
    assert ShopSettings.objects.get().country == ""


def test_its_list_leads_to_the_page(manager: Client) -> None:
    assert manager.get("/admin/ecommerce/shopsettings/").headers["Location"] == PAGE


def test_there_is_one_row(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ShopSettings.objects.create(pk=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ShopSettings.objects.create(pk=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        ShopSettings.objects.update(small_business=True)
