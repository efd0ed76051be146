"""Error pages, filters that links keep, times in the reader's zone, the palette, and one way to write money."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.test import Client

from customers.models import User
from ecommerce.models import BulkJob
from tests.support.admin import LIST, order_row, paid_row, signed_in
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.django_db
PAID = f"{LIST}?status__exact=paid"


@pytest.fixture
def ana(client: Client) -> Client:
    client.force_login(User.objects.create(username="ana", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("name", ["400", "403", "404", "500", "503", "403_csrf"])
def test_an_error_page_needs_no_context_and_says_what_was_kept_and_what_to_do(name: str) -> None:
    page = get_template(f"{name}.html").render()
    assert "backoffice/error.css" in page
    assert "Nothing was changed" in page or "is kept" in page
    assert 'class="acts"' in page


def test_somebody_without_the_permission_reads_what_to_do() -> None:
    refused = signed_in("ecommerce.view_order").get("/admin/customers/customer/")
    assert refused.status_code == 403
    assert "Ask whoever manages Staff and roles" in refused.content.decode()


def test_links_and_acts_keep_the_filters_of_the_list(ana: Client) -> None:
    order = order_row("paid")
    page = ana.get(f"{PAID}&q={order.number}").content.decode()
    link = re.search(rf'href="({order.pk}/change/[^"]*)"', page)
    assert link
    shown = ana.get(f"{LIST}{link[1]}").content.decode()
    assert f'href="{LIST}?status__exact=paid&amp;q={order.number}"' in shown
    fulfill = re.search(rf'href="({LIST}{order.pk}/fulfill/[^"]*)"', shown)
    assert fulfill
    after = ana.post(fulfill[1], {"confirmed": ""})
    assert after.headers["Location"] == f"{LIST}{link[1]}"


def test_ticks_of_several_pages_come_in_one_field(ana: Client) -> None:
    orders = [order_row("paid") for _ in range(3)]
    posted = {"action": "fulfill_orders", "ticked": ",".join(str(order.pk) for order in orders)}
    page = ana.post(PAID, posted).content.decode()
    assert "3 orders change" in page
    assert page.count("<input") < 15
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    ana.post(PAID, form)
    assert BulkJob.objects.get().total == 3


def test_without_a_script_each_tick_is_a_field(ana: Client) -> None:
    orders = [order_row("paid") for _ in range(2)]
    posted = {"action": "fulfill_orders", "_selected_action": [str(order.pk) for order in orders]}
    assert "2 orders change" in ana.post(PAID, posted).content.decode()


def test_a_started_job_is_told_by_the_banner_alone(ana: Client) -> None:
    order = order_row("paid")
    form = {"action": "fulfill_orders", "ticked": str(order.pk), "confirmed": "1", "confirmation": "one"}
    page = ana.post(PAID, form, follow=True)
    assert list(page.context["messages"]) == []
    assert "is running: fulfill 1 order" in page.content.decode()


LATE = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("chosen", "browser", "shown"),
    [
        ("Europe/Berlin", "America/New_York", "2026-11-03 00:30 CET"),
        ("", "America/New_York", "2026-11-02 18:30 EST"),
        ("", "Nowhere/Land", "2026-11-02 23:30 UTC"),
        ("", "", "2026-11-02 23:30 UTC"),
    ],
)
def test_times_are_in_the_readers_zone(client: Client, chosen: str, browser: str, shown: str) -> None:
    order_row("created", created_at=LATE)
    user = User.objects.create(username="ana", is_staff=True, is_superuser=True, time_zone=chosen)
    client.force_login(user)
    client.cookies["browser_zone"] = browser
    assert shown in client.get(LIST).content.decode()


def test_a_day_of_a_filter_is_the_readers(client: Client) -> None:
    order = order_row("created", created_at=LATE)
    user = User.objects.create(username="ana", is_staff=True, is_superuser=True, time_zone="Europe/Berlin")
    client.force_login(user)
    found = client.get(f"{LIST}?created_from=2026-11-03&filters=1")
    assert [row.pk for row in found.context["rows"]] == [order.pk]
    assert "Created from (Europe/Berlin)" in found.content.decode()


def test_the_palette_names_customer_total_and_status_and_the_exact_number_first(ana: Client) -> None:
    order = paid_row()
    page = ana.get("/admin/search/", {"s": order.number, "extended": "1"}).content.decode()
    titles = re.findall(r'data-title="([^"]*)"', page)
    assert titles[0] == order.number
    assert "Ada Lovelace · USD 45.00 · Paid" in page


def test_the_number_of_lines_is_said_where_it_ends(ana: Client) -> None:
    lines = {f"items-{number}-quantity": "1" for number in range(200)}
    page = ana.post(f"{LIST}add/", {**lines, "_add": "1"})
    assert len(page.context["order_form"].rows) == 200
    shown = re.search(r'<p class="of-limit"([^>]*)>([^<]*)', page.content.decode())
    assert shown
    assert "hidden" not in shown[1]
    assert "at most 200 lines" in shown[2]


def test_an_order_whose_new_card_was_declined_says_so(ana: Client) -> None:
    order = paid_row()
    order.invoice.payments.update(status="failed", failure_message="Your card was declined.")  # type: ignore[union-attr]
    page = ana.get(f"{LIST}{order.pk}/change/").content.decode()
    assert "A new card, which was not saved, was declined" in page
    assert "No card" not in page


SIGN = r"""(?:"-"|'-'|−|&minus;|(?<!\w)-)\s*"""
SIGNED = re.compile(SIGN + r"""(?:\{%\s*money|\{\{[^}]*money)|f["']-\{[^}]*(?:money|currency)""")


def test_no_page_writes_the_sign_of_money_itself() -> None:
    sources = [*Path(ROOT, "templates").rglob("*.html"), *Path(ROOT).glob("[a-z]*/**/*.py")]
    written = [path.name for path in sources if "tests" not in path.parts and SIGNED.search(path.read_text("utf-8"))]
    assert written == []


def test_the_shop_writes_money_as_the_admin_does() -> None:
    script = Path(ROOT, "ecommerce/static/shop/page.js").read_text("utf-8")
    assert '`${amount < 0 ? "−" : ""}${currency.toUpperCase()} ${text}`' in script
