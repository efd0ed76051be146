import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from backoffice.models import Activity
from ecommerce.models import ShippingRate, ShippingZone
from tests.support.factories import make_shipping_rate, make_sku
from tests.support.forms import filled_in, sentences

LIST = "/admin/ecommerce/shippingzone/"
RATE = {"name": "Parcel", "currency": "eur", "price": "4.90", "weight_from": "0"}


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def zone(name: str, *countries: str, **fields: Any) -> ShippingZone:
    return ShippingZone.objects.create(name=name, countries=list(countries), **fields)


def rate_fields(number: int = 0, **fields: str) -> dict[str, str]:
    return {f"rates-{number}-{name}": value for name, value in (RATE | fields).items()}


def add(browser: Client, *, rates: int = 0, **fields: Any) -> Any:
    blank = {"countries": [], "rates-TOTAL_FORMS": str(rates)}
    return browser.post(f"{LIST}add/", filled_in(browser.get(f"{LIST}add/")) | blank | fields, follow=True)


def change(browser: Client, stored: ShippingZone, **fields: Any) -> Any:
    address = f"{LIST}{stored.pk}/change/"
    kept = filled_in(browser.get(address)) | {"countries": stored.countries, "initial-countries": stored.countries}
    return browser.post(address, kept | fields, follow=True)


def test_a_zone_with_its_rates(manager: Client) -> None:
    add(
        manager,
        name="Germany",
        countries=["DE"],
        rates=2,
        **rate_fields(0, free_from="99", days_from="2", days_to="4"),
        **rate_fields(1, name="Bulky", price="19", weight_from="10000", weight_to="30000", active="on"),
    )
    stored = ShippingZone.objects.get()
    assert (stored.name, stored.countries, stored.rest_of_world) == ("Germany", ["DE"], False)
    fields = ("name", "price", "free_from", "weight_from", "weight_to", "days_from", "days_to", "active")
    assert list(stored.rates.order_by("pk").values_list(*fields)) == [
        ("Parcel", 490, 9900, 0, None, 2, 4, True),
        ("Bulky", 1900, None, 10000, 30000, None, None, True),
    ]


def test_regions_are_kept_by_their_codes_and_postal_codes_as_they_are_read(manager: Client) -> None:
    add(manager, name="West", countries=["US"], regions="california, NV; ca", postal_codes="967-968\n 96799 ,96799")
    stored = ShippingZone.objects.get()
    assert (stored.regions, stored.postal_codes) == (["CA", "NV"], ["967-968", "96799"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose countries, or make the zone the rest of the world."),
        ({"rest_of_world": "on", "countries": ["DE"]}, "The rest of the world is what no zone names"),
        ({"rest_of_world": "on", "postal_codes": "80"}, "The rest of the world is what no zone names"),
        ({"countries": ["DE", "FR"], "postal_codes": "80"}, "These are of one country"),
        ({"countries": ["US"], "regions": "Kalifornia"}, "“Kalifornia” is not known as a state of United States"),
        ({"countries": ["DE"], "postal_codes": "80999-80331"}, "ends before it begins"),
        ({"countries": ["XX"]}, "Select a valid choice. XX is not one of the available choices."),
    ],
)
def test_what_is_no_zone_is_refused_in_words(manager: Client, fields: dict[str, Any], said: str) -> None:
    assert said in sentences(add(manager, name="Zone", **fields))
    assert not ShippingZone.objects.exists()


@pytest.mark.parametrize(
    ("there", "new", "said"),
    [
        (
            {"countries": ["DE", "FR", "IT"]},
            {"countries": ["FR", "IT", "ES"]},
            "Already in the zone “There”: France, Italy. Take them out of one of the two.",
        ),
        ({"countries": ["US"], "regions": ["CA", "NV"]}, {"countries": ["US"], "regions": "nevada"}, ": NV."),
        ({"countries": ["DE"], "postal_codes": ["803"]}, {"countries": ["DE"], "postal_codes": "803"}, ": 803."),
        (
            {"countries": ["DE"], "postal_codes": ["80331-80999"]},
            {"countries": ["DE"], "postal_codes": "80500"},
            "“80500” has codes in common with “80331-80999” of the zone “There”.",
        ),
        ({"rest_of_world": True}, {"rest_of_world": "on"}, "“There” is the rest of the world already; there is one."),
        ({"countries": ["DE"]}, {"name": "There", "countries": ["FR"]}, "Name already exists"),
    ],
)
def test_what_another_zone_names_as_closely_is_refused_naming_it(
    manager: Client, there: dict[str, Any], new: dict[str, Any], said: str
) -> None:
    ShippingZone.objects.create(name="There", **there)
    assert said in sentences(add(manager, **({"name": "New"} | new)))
    assert ShippingZone.objects.count() == 1


@pytest.mark.parametrize(
    "new",
    [
        {"countries": ["DE"], "postal_codes": "80"},
        {"countries": ["DE"], "postal_codes": "8033"},
        {"countries": ["DE"], "regions": "Bayern"},
        {"countries": ["AT"]},
        {"countries": ["AT"], "postal_codes": "803"},
        {"rest_of_world": "on"},
    ],
)
def test_what_says_more_or_less_than_another_zone_is_saved(manager: Client, new: dict[str, Any]) -> None:
    zone("Germany", "DE")
    zone("Munich", "DE", postal_codes=["803"])
    add(manager, name="New", **new)
    assert ShippingZone.objects.count() == 3


def test_a_zone_is_not_compared_with_itself(manager: Client) -> None:
    germany = zone("Germany", "DE", postal_codes=["803"])
    change(manager, germany, name="Munich", postal_codes="803, 804")
    germany.refresh_from_db()
    assert (germany.name, germany.postal_codes) == ("Munich", ["803", "804"])


@pytest.mark.django_db(transaction=True)
def test_two_that_add_the_same_country_at_once_do_not_both_succeed(manager: Client) -> None:
    filled = filled_in(manager.get(f"{LIST}add/")) | {"countries": ["DE"], "rates-TOTAL_FORMS": "0"}
    barrier, statuses = threading.Barrier(2), []

    def post(name: str) -> None:
        client = Client()
        client.cookies = copy.deepcopy(manager.cookies)
        barrier.wait()
        try:
            statuses.append(client.post(f"{LIST}add/", filled | {"name": name}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(name,)) for name in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(statuses), ShippingZone.objects.count()) == ([200, 302], 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"price": "-1"}, "The amount can't be below zero."),
        ({"price": "4.999"}, "An amount in EUR has at most 2 decimals"),
        ({"currency": "isk", "price": "4.50"}, "An amount in ISK goes in steps of 1.00"),
        ({"currency": "kwd", "price": "4.505"}, "An amount in KWD goes in steps of 0.010"),
        ({"currency": ""}, "This field is required."),
        ({"free_from": "0"}, "Leave it empty, and write 0 as the price"),
        ({"weight_from": "1000", "weight_to": "1000"}, "Write more than 1,000 g, or nothing."),
        ({"days_from": "3"}, "Write both ends of the days, or neither."),
        ({"days_to": "3"}, "Write both ends of the days, or neither."),
        ({"days_from": "3", "days_to": "2"}, "Write at least 3, or neither."),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused_in_words(manager: Client, fields: dict[str, str], said: str) -> None:
    page = add(manager, name="Germany", countries=["DE"], rates=1, **rate_fields(0, **fields))
    assert said in sentences(page)
    assert not ShippingZone.objects.exists()


def test_the_list_says_what_each_zone_is_and_which_countries_have_none(manager: Client) -> None:
    assert "Without zones everything ships free." in sentences(manager.get(LIST))
    make_shipping_rate(zone("Europe", "DE", "FR"))
    zone("West", "US", regions=["CA", "NV"], postal_codes=["967-968"])
    make_shipping_rate(ShippingZone.objects.get(name="West"), name="Pigeon", active=False)
    text = sentences(manager.get(LIST))
    assert "France, Germany" in text
    assert "United States: CA, NV, 967-968" in text
    assert "Parcel EUR 4.90" in text
    assert "Pigeon" not in text
    assert "countries are in no zone: an order that ships there is refused." in text
    assert "Austria" in text
    zone("Elsewhere", rest_of_world=True)
    assert "in no zone" not in sentences(manager.get(LIST))


def test_the_list_says_which_currency_of_the_shop_has_no_rate(manager: Client) -> None:
    make_shipping_rate(zone("Europe", "DE", "FR"))
    make_sku("MUG-EUR", currency="eur", shippable=True)
    make_sku("PDF", currency="usd")
    assert "Shipped to" in sentences(manager.get(LIST))
    make_sku("MUG-USD", currency="usd", shippable=True)
    make_sku("MUG-JPY", currency="jpy", shippable=True)
    assert "No rate in JPY, USD" in sentences(manager.get(LIST))


def test_who_may_not_change_it_reads_it(as_role: Callable[[str], Client]) -> None:
    rate = make_shipping_rate(free_from=9900, weight_to=2000, days_from=2, days_to=4)
    text = sentences(as_role("Viewer").get(f"{LIST}{rate.zone_id}/change/"))
    for shown in ("Germany", "EUR 4.90", "EUR 99.00", "below 2,000 g", "2 to 4 days"):
        assert shown in text


def test_a_zone_is_deleted_with_its_rates_and_both_are_recorded(manager: Client) -> None:
    rate = make_shipping_rate()
    change(manager, rate.zone, **rate_fields(0, price="5.90"), **{"rates-0-id": str(rate.pk)})
    manager.post(f"{LIST}{rate.zone_id}/delete/", {"post": "yes"})
    assert (ShippingZone.objects.count(), ShippingRate.objects.count()) == (0, 0)
    told = Activity.objects.filter(kind="shipping").order_by("pk").values_list("act", "object_label")
    assert list(told) == [
        ("added", "Germany"),
        ("added", "Germany, Parcel"),
        ("changed", "Germany, Parcel"),
        ("deleted", "Germany, Parcel"),
        ("deleted", "Germany"),
    ]
    text = sentences(manager.get("/admin/backoffice/activity/?kind=shipping"))
    assert "EUR 4.90 → EUR 5.90" in text


def test_activity_names_what_came_and_went_of_a_list(manager: Client) -> None:
    europe = zone("Europe", "DE", "FR")
    change(manager, europe, countries=["DE", "IT"])
    text = sentences(manager.get("/admin/backoffice/activity/?kind=shipping"))
    assert "Countries: −France, +Italy" in text
    assert "Regions" not in text


def test_a_sku_has_a_weight(manager: Client) -> None:
    sku = make_sku()
    address = f"/admin/ecommerce/sku/{sku.pk}/change/"
    manager.post(address, filled_in(manager.get(address)) | {"weight": "350"})
    sku.refresh_from_db()
    assert sku.weight == 350
    manager.post(address, filled_in(manager.get(address)) | {"weight": ""})
    sku.refresh_from_db()
    assert sku.weight == 0
