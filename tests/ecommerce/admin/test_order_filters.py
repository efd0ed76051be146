from datetime import UTC, datetime

import pytest

from tests.support.admin import LIST, numbers, order_row, viewer
from tests.support.factories import make_coupon, make_customer, make_sku

pytestmark = pytest.mark.django_db


def test_created_between_counts_both_days() -> None:
    days = {day: order_row(created_at=datetime(2026, 3, day, 23, 59, tzinfo=UTC)).number for day in (1, 2, 3, 4)}
    assert numbers(viewer(), "?created_from=2026-03-02&created_until=2026-03-03") == [days[3], days[2]]


def test_the_day_is_one_of_the_time_zone_in_force(settings: object) -> None:
    settings.TIME_ZONE = "America/New_York"  # type: ignore[attr-defined]
    late = order_row(created_at=datetime(2026, 3, 2, 3, 0, tzinfo=UTC)).number
    assert numbers(viewer(), "?created_until=2026-03-01") == [late]
    assert numbers(viewer(), "?created_from=2026-03-02") == []


def test_a_product_finds_orders_of_any_of_its_skus() -> None:
    mug, tee = make_sku(), make_sku("TEE-M", product="T-shirt")
    order = order_row(sku=mug)
    order_row(sku=tee)
    assert numbers(viewer(), f"?product={mug.product_id}") == [order.number]


def test_coupon_currency_way_and_customer_narrow_together() -> None:
    coupon, grace = make_coupon(), make_customer("grace@example.com")
    order = order_row(coupon=coupon, currency="eur", placed_via="website", customer=grace)
    order_row(coupon=coupon, currency="usd", placed_via="website", customer=grace)
    order_row()
    query = f"?coupon={coupon.pk}&currency=eur&placed_via=website&customer={grace.pk}"
    assert numbers(viewer(), query) == [order.number]


def test_filters_in_force_are_named_and_can_be_dropped() -> None:
    coupon = make_coupon()
    order_row(coupon=coupon)
    filters = viewer().get(f"{LIST}?coupon={coupon.pk}&placed_via=staff").context["active_filters"]
    assert [(name, value) for name, value, _ in filters] == [("Coupon", "SAVE10"), ("Placed via", "Staff")]
    assert filters[0][2] == "?placed_via=staff"


def test_a_filter_that_makes_no_sense_is_reported() -> None:
    order_row()
    page = viewer().get(f"{LIST}?created_from=yesterday").content.decode()
    assert "Enter a valid date." in page


def test_the_search_keeps_the_filters_and_the_filters_keep_the_search() -> None:
    coupon = make_coupon()
    context = viewer().get(f"{LIST}?coupon={coupon.pk}&q=ada&status__exact=paid").context
    assert context["search_keeps"] == [("status__exact", "paid"), ("coupon", str(coupon.pk))]
    assert context["filter_keeps"] == [("status__exact", "paid"), ("q", "ada")]
