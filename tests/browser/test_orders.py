import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customers.models import User
from ecommerce.admin.bulk_jobs import mass_actions
from ecommerce.models import NoteMention, Order
from tests.browser.conftest import Visit, follow
from tests.support.admin import LIST, order_row
from tests.support.factories import make_customer, make_staff, place_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana() -> User:
    return User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Record mass actions instead of running them."""
    done: list[tuple[str, int]] = []

    def run(_admin: Any, request: Any, _action: str, orders: Any) -> None:
        done.append((request.POST["action"], orders.count()))

    monkeypatch.setattr(mass_actions, "handle_mass_action", run)
    return done


def go(page: Page, action: str) -> None:
    page.get_by_label("Mass actions").get_by_label("Mass actions").select_option(label=action)
    follow(page, page.get_by_role("button", name="Go"))


def test_ticked_orders_are_counted_and_acted_on(visit: Visit, ana: User, ran: list[Any]) -> None:
    orders = [order_row("paid") for _ in range(4)]
    page = visit(LIST + "?status__exact=paid", ana)
    bar = page.locator("#changelist-actions")
    expect(bar).to_be_hidden()
    page.get_by_label(f"Tick order {orders[3].number}").check()
    expect(bar).to_contain_text("1 selected")
    page.get_by_label(f"Tick order {orders[1].number}").click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 selected")
    page.get_by_label("Tick all on this page").check()
    expect(bar).to_contain_text("4 selected")
    page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    page.get_by_label(f"Tick order {orders[0].number}").check()
    go(page, "Fulfill")
    expect(bar).to_contain_text("1 selected")  # until its confirmation, which is left out here, takes it up
    assert ran == [("fulfill_orders", 1)]


def test_all_that_match_are_selected_at_once(
    visit: Visit, ana: User, ran: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce.admin.orders.filters.PAGE_SIZES", (2,))
    for _ in range(5):
        order_row("paid")
    page = visit(LIST, ana)
    page.get_by_label("Tick all on this page").check()
    page.get_by_label("Select all 5 that match").check()
    expect(page.locator("#changelist-actions")).to_contain_text("All 5 that match")
    go(page, "Export")
    expect(page.locator("#changelist-actions")).to_be_hidden()
    assert ran == [("export_orders", 5)]


def test_the_options_menu_is_used_by_keyboard(visit: Visit, ana: User) -> None:
    order = order_row("paid")
    page = visit(LIST, ana)
    options = page.get_by_label(f"Options of order {order.number}")
    options.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="View")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("menuitem").last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(options).to_be_focused()
    page.keyboard.press("Enter")
    menu.get_by_role("menuitem", name="Fulfill").click()
    expect(page).to_have_url(re.compile(f"{LIST}{order.pk}/fulfill/$"))


@pytest.mark.full
def test_nothing_needs_scripts(visit: Visit, ana: User, ran: list[Any]) -> None:
    order = order_row("paid")
    page = visit(LIST + "?status__exact=paid", ana, java_script_enabled=False)
    page.get_by_label(f"Tick order {order.number}").check()
    go(page, "Cancel")
    assert ran == [("cancel_orders", 1)]
    page.get_by_label(f"Options of order {order.number}").click()
    page.get_by_role("menuitem", name="Fulfill").click()
    page.get_by_label("Carrier").fill("DHL")
    page.get_by_role("button", name="Fulfill order").click()
    expect(page.get_by_role("heading", name=f"Order {order.number}")).to_contain_text("Fulfilled")


def test_a_canceled_order_shows_by_itself_that_the_money_went_back(visit: Visit, ana: User) -> None:
    order = place_order(customer=make_customer())
    page = visit(f"{LIST}{order.pk}/change/", ana)
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_label("In your words").fill("Ordered twice")
    page.get_by_role("button", name="Cancel order, refund USD 15.00").click()
    heading = page.get_by_role("heading", name=f"Order {order.number}")
    expect(heading).to_contain_text("Refund in progress")
    # Meanwhile somebody else's button brings Stripe's answer, as a worker would.
    other = visit(f"{LIST}{order.pk}/check/", ana)
    other.get_by_role("button", name="Check now").click()
    expect(heading).to_contain_text("Canceled")
    assert Order.objects.get().status == "canceled"


def test_a_long_sentence_leaves_the_customer_room_on_a_phone(visit: Visit, ana: User) -> None:
    order_row("paid", attention="Stripe knew nothing of this refund for 23 hours: send it again, or settle it outside.")
    page = visit(LIST, ana, phone=True)
    for column in ("td.c-who", ".o-attention"):
        box = page.locator(f"#result_list {column}").bounding_box()
        assert box
        assert box["width"] > 150, column


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.full)])
def test_every_page_fits_a_phone(visit: Visit, ana: User, ran: list[Any], theme: str) -> None:
    order = place_order(
        customer=make_customer(f"{'long' * 15}@example.com", first_name="Maximiliane" * 3, last_name="von und zu"),
    )
    page = visit(LIST, ana, phone=True, color_scheme=theme)
    first = page.url
    for path in ("", "?filters=1", f"{order.pk}/change/", f"{order.pk}/options/", f"{order.pk}/refund/"):
        page.goto(first + path)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, path


def test_a_refund_is_put_together_shown_and_sent_with_the_keyboard(visit: Visit, ana: User) -> None:
    order = place_order(customer=make_customer(), quantity=3)
    page = visit(f"{LIST}{order.pk}/refund/", ana)
    expect(page.get_by_role("link", name="Cancel the order instead")).to_be_visible()
    expect(page.get_by_role("row", name="Mug, red")).to_contain_text("3 of 3 USD 45.00")
    units = page.get_by_label("Mug, red")
    units.fill("1")
    units.press("Enter")
    expect(page.locator("[aria-labelledby=back]")).to_contain_text("1 x Mug, redUSD 15.00")
    expect(page.get_by_role("button", name="Refund USD 15.00")).to_be_visible()
    # Another choice makes the button show it first: nothing is sent that was not seen.
    units.fill("2")
    page.get_by_role("button", name="Show what goes back").press("Enter")
    expect(page.locator("[aria-labelledby=back]")).to_contain_text("2 x Mug, redUSD 30.00")
    expect(page.get_by_text("The amount is another one now")).to_have_count(0)
    page.get_by_role("button", name="Refund USD 30.00").press("Enter")
    expect(page.get_by_role("region", name="Payments and refunds")).to_contain_text("2 x Mug, red: USD 30.00")
    assert order.acts.get(kind="refund").lines == [[order.items.get().pk, 2]]


def test_a_colleague_is_suggested_while_a_note_is_typed(visit: Visit, ana: User) -> None:
    make_staff("ben.b", "ecommerce.view_order")
    make_staff("bea")  # may not see orders
    order = order_row("paid")
    page = visit(f"{LIST}{order.pk}/change/", ana, phone=True)
    note = page.get_by_label("Note", exact=True)
    note.press_sequentially("Please look, @b")
    expect(page.locator("#mentions").get_by_role("option")).to_have_text(["@ben.b"])
    note.press("Enter")
    expect(note).to_have_value("Please look, @ben.b ")
    follow(page, page.get_by_role("button", name="Add note"))
    expect(page.locator(".o-notes li")).to_contain_text("Please look, @ben.b")
    assert [mention.user.username for mention in NoteMention.objects.all()] == ["ben.b"]
