import pytest

from billing.models import Difference, Reconciliation
from tests.support.admin import signed_in
from tests.support.factories import make_customer, make_sku
from tests.support.rows import a_paid_order

pytestmark = pytest.mark.django_db
LIST = "/admin/billing/difference/"


def test_differences_are_listed_with_their_orders_and_can_only_be_read() -> None:
    order = a_paid_order(make_customer(), make_sku())
    assert order.invoice
    known = {"kind": "charge_differs", "payment": order.invoice.payments.get()}
    of_order = Difference.objects.create(stripe_id="pi_1", sentence="Order 1 differs.", **known)
    Difference.objects.create(stripe_id="pi_2", kind="charge_unknown", sentence="Stripe took more.")
    browser = signed_in("billing.view_difference", "billing.view_payment")

    listed = browser.get(LIST).content.decode()
    assert "Order 1 differs." in listed
    assert order.number in listed
    assert "Stripe took more." in listed
    assert "of no order" in listed
    page = browser.get(f"{LIST}{of_order.pk}/change/").content.decode()
    assert f"pi_{order.number}" in page
    assert browser.post(f"{LIST}{of_order.pk}/change/", {"sentence": "x"}).status_code == 403


def test_open_and_resolved_have_their_tabs() -> None:
    known = {"kind": "charge_unknown"}
    old = Difference.objects.create(stripe_id="pi_1", sentence="Over.", **known)
    Difference.objects.filter(pk=old.pk).update(resolved_at=old.found_at)
    Difference.objects.create(stripe_id="pi_1", sentence="Still there.", **known)
    browser = signed_in("billing.view_difference")
    assert 'href="?resolved_at__isnull=1"' in browser.get(LIST).content.decode()
    still = browser.get(f"{LIST}?resolved_at__isnull=1").content.decode()
    assert ("Still there." in still, "Over." in still) == (True, False)
    over = browser.get(f"{LIST}?resolved_at__isnull=0").content.decode()
    assert ("Still there." in over, "Over." in over) == (False, True)


def test_the_list_says_when_the_books_were_compared() -> None:
    browser = signed_in("billing.view_difference")
    assert "were not held against Stripe" in browser.get(LIST).content.decode()
    run = Reconciliation.objects.create(compared=100)
    assert "100 so far" in browser.get(LIST).content.decode()
    Reconciliation.objects.filter(pk=run.pk).update(finished_at=run.started_at, compared=412, settled=2)
    assert "412 charges, refunds and disputes, 2 of them settled by that." in browser.get(LIST).content.decode()


def test_an_end_asks_first_and_needs_its_permission() -> None:
    listed = Difference.objects.create(kind="charge_unknown", stripe_id="pi_1", sentence="Stripe took more.")
    known, page = f"{LIST}{listed.pk}/end/known/", f"{LIST}{listed.pk}/change/"
    looking = signed_in("billing.view_difference")
    assert "/end/" not in looking.get(page).content.decode()
    assert looking.post(known, {"note": "x"}).status_code == 403

    ending = signed_in("billing.view_difference", "billing.end_difference")
    assert known in ending.get(page).content.decode()
    # Money needs the right to move it.
    assert ending.post(f"{LIST}{listed.pk}/end/refunded/", {"note": "x"}).status_code == 403
    assert ending.post(f"{LIST}{listed.pk}/end/adopted/", {"order_number": "1"}).status_code == 403
    assert ending.get(f"{LIST}{listed.pk}/end/agrees/").status_code == 403
    assert "Mark as known" in ending.get(known).content.decode()
    refusal = ending.post(known, {"note": ""})
    assert (refusal.status_code, "Say why" in refusal.content.decode()) == (409, True)
    listed.refresh_from_db()
    assert listed.resolved_at is None

    assert ending.post(known, {"note": "The bank's own test."}).status_code == 302
    listed.refresh_from_db()
    assert (listed.outcome, listed.note, listed.ended_by) == ("known", "The bank's own test.", "Ana")
    assert "The bank&#x27;s own test." in ending.get(page).content.decode()
    again = ending.post(f"{LIST}{listed.pk}/end/not_ours/", {"note": "x"})
    assert "has ended already: known, by Ana" in again.content.decode()


def test_open_differences_are_counted_on_the_dashboard() -> None:
    for number in range(3):
        Difference.objects.create(kind="charge_unknown", stripe_id=f"pi_{number}", sentence="Stripe took more.")
    assert 'Charge that is not here</a> <b class="badge badge-bad">3</b>' in (
        signed_in("billing.view_difference").get("/admin/").content.decode()
    )
    assert "Charge that is not here" not in signed_in("billing.view_payment").get("/admin/").content.decode()
