"""Mass actions as staff take them: tick, choose, confirm, reload, review what failed, retry, download."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from customers.models import User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import BulkJob, Order
from tests.browser.conftest import Visit, follow
from tests.support.admin import LIST
from tests.support.bulk_jobs import work
from tests.support.factories import make_customer, place_order

pytestmark = pytest.mark.django_db(transaction=True)
PAID = f"{LIST}?status__exact=paid"


@pytest.fixture
def ana() -> User:
    return User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)


@pytest.fixture
def orders() -> list[Order]:
    make_customer()
    return [place_order() for _each in range(3)]


def go(page: Page, action: str) -> None:
    bar = page.get_by_role("region", name="Mass actions")
    bar.get_by_label("Mass actions").select_option(label=action)
    follow(page, bar.get_by_role("button", name="Go"))


def downloaded(page: Page, name: str) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return list(csv.DictReader(Path(download.value.path()).read_text("utf-8").splitlines()))


def test_orders_are_canceled_and_what_failed_is_reviewed_and_retried(
    visit: Visit, ana: User, orders: list[Order], fake_stripe: FakeStripeServer
) -> None:
    page = visit(PAID, ana)
    page.get_by_label("Tick all on this page").check()
    go(page, "Cancel")
    expect(page.get_by_text("USD 45.00 goes back to the cards that were charged.")).to_be_visible()
    page.get_by_label("Reason").fill("Recalled")
    follow(page, page.get_by_role("button", name="Cancel 3 orders, refund USD 45.00"))
    expect(page).to_have_url(re.compile(re.escape(PAID)))
    job = BulkJob.objects.get()
    expect(page.get_by_text(f"Bulk job {job.pk} is running: cancel 3 orders. Reload this page")).to_be_visible()

    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 400, "times": 1})
    work(job)
    page.reload()
    banner = page.locator("#bulk-job-banner")
    expect(banner).to_contain_text(f"Bulk job {job.pk} is complete with failures: cancel 3 orders.")
    expect(banner).to_contain_text("2 done, 0 skipped, 1 failed")

    banner.get_by_role("link", name="Review").click()
    failed = Order.objects.exclude(money_state="").get()
    items = page.locator("#job-items tbody tr")
    expect(items).to_have_count(1)
    expect(items).to_contain_text(failed.number)
    outcomes = downloaded(page, "Download result CSV")
    assert [row["order"] for row in outcomes if row["outcome"] == "failed"] == [failed.number]
    assert len(outcomes) == 3

    follow(page, page.get_by_role("button", name="Retry failed"))
    again = BulkJob.objects.latest("pk")
    expect(page).to_have_url(re.compile(f"/bulkjob/{again.pk}/change/$"))
    work(again)
    page.reload()
    expect(page.get_by_role("heading", name=f"Bulk job {again.pk} is complete: cancel 1 order.")).to_be_visible()
    assert set(Order.objects.values_list("status", "money_state")) == {("canceled", "")}


def test_a_phone_fulfills_what_is_ticked_and_takes_the_export_away(
    visit: Visit, ana: User, orders: list[Order]
) -> None:
    page = visit(PAID, ana, phone=True, color_scheme="dark")
    for order in orders[:2]:
        page.get_by_label(f"Tick order {order.number}").check()
    go(page, "Fulfill")
    page.get_by_role("button", name="Fulfill 2 orders").click()
    expect(page.get_by_text("is running: fulfill 2 orders. Reload this page")).to_be_visible()
    work(BulkJob.objects.get())
    page.reload()
    expect(page.locator("#bulk-job-banner")).to_contain_text("is complete: fulfill 2 orders.")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    follow(page, page.get_by_role("button", name=re.compile("^Put Bulk job .* away$")))

    page.get_by_label(f"Tick order {orders[2].number}").check()
    go(page, "Export")
    work(BulkJob.objects.latest("pk"))
    page.reload()
    expect(page.locator("#bulk-job-banner .o-banner")).to_have_count(1)
    rows = downloaded(page, "Download")
    assert [(row["number"], row["total"], row["currency"]) for row in rows] == [(orders[2].number, "15.00", "USD")]
