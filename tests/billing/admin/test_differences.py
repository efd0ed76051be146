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
    assert "412 charges and refunds, 2 of them settled by that." in browser.get(LIST).content.decode()
