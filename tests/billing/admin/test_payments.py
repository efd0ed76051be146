from collections.abc import Callable

import pytest
from django.test import Client

from billing.models import Payment, Refund
from tests.support.factories import make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import a_paid_order, a_refund

PAYMENTS, REFUNDS = "/admin/billing/payment/", "/admin/billing/refund/"


@pytest.fixture
def viewer(as_role: Callable[[str], Client]) -> Client:
    return as_role("Viewer")


@pytest.fixture
def refund(db: None) -> Refund:
    return a_refund(a_paid_order(make_customer(), make_sku()), 500)


def test_payments_with_their_money_and_ids(viewer: Client, refund: Refund) -> None:
    page = sentences(viewer.get(PAYMENTS))

    assert "All 1 Requested 0 Being confirmed 0 Needs authentication 0 Succeeded 1 Failed 0" in page
    assert f"{refund.payment} {refund.payment.invoice} Ada Lovelace USD 30.00 USD 5.00 Succeeded" in page


def test_a_failed_payment_says_why(viewer: Client, refund: Refund) -> None:
    Payment.objects.update(
        status="failed", failure_message="The card has insufficient funds.", failure_code="card_declined", refunds=0
    )

    for address in (f"{PAYMENTS}?status__exact=failed", f"{PAYMENTS}{refund.payment.pk}/change/"):
        assert "The card has insufficient funds." in sentences(viewer.get(address))
    assert "(card_declined)" in sentences(viewer.get(f"{PAYMENTS}{refund.payment.pk}/change/"))


def test_refunds_with_who_and_why(viewer: Client, refund: Refund) -> None:
    page = sentences(viewer.get(f"{REFUNDS}{refund.pk}/change/"))

    for words in ("Succeeded", "USD 5.00", "Broken", "Ana", str(refund.stripe_refund_id), f"CN-{refund.pk}"):
        assert words in page
    assert (
        f'href="{PAYMENTS}{refund.payment.pk}/change/"' in viewer.get(f"{REFUNDS}{refund.pk}/change/").content.decode()
    )


@pytest.mark.parametrize("text", ["{refund}", "{payment}", "ada@example.com", "{order}"])
def test_refunds_are_found(viewer: Client, refund: Refund, text: str) -> None:
    other = a_refund(a_paid_order(make_customer("bob@example.org", last_name="B"), make_sku("X")), 100)
    typed = text.format(refund=refund, payment=refund.payment, order=refund.payment.invoice.reference)

    page = sentences(viewer.get(REFUNDS, {"q": typed}))

    assert str(refund) in page
    assert str(other) not in page


def test_nothing_of_them_can_be_edited(as_role: Callable[[str], Client], refund: Refund) -> None:
    admin = as_role("admin")

    for address in (f"{PAYMENTS}{refund.payment.pk}/change/", f"{REFUNDS}{refund.pk}/change/"):
        assert not {"status", "amount", "reason", "note", "_save"} & set(filled_in(admin.get(address)))
        assert admin.post(address, {"status": "failed", "amount": "1"}).status_code == 403
    assert Payment.objects.values_list("status", "amount").get() == ("succeeded", 3000)
    assert Refund.objects.values_list("status", "amount").get() == ("succeeded", 500)


def test_a_stripe_id_heads_its_page_as_stripe_writes_it(viewer: Client, refund: Refund) -> None:
    for address, name in ((PAYMENTS, refund.payment), (REFUNDS, refund)):
        page = sentences(viewer.get(f"{address}{name.pk}/change/"))
        assert str(name) in page
        assert str(name).capitalize() not in page


def test_words_of_others_are_shown_as_text(viewer: Client, refund: Refund) -> None:
    Refund.objects.update(reason="<script>alert(1)</script>", failure_message="<b>x</b>", by_label="<i>y</i>")

    for address in (REFUNDS, f"{REFUNDS}{refund.pk}/change/"):
        page = viewer.get(address).content.decode()
        assert "<script>alert(1)" not in page
        assert "<b>x</b>" not in page
        assert "<i>y</i>" not in page


@pytest.mark.parametrize("address", [PAYMENTS, REFUNDS, "/admin/billing/invoice/"])
def test_empty_lists_render(viewer: Client, address: str) -> None:
    assert " yet " in sentences(viewer.get(address))
    assert "Nothing matches" in sentences(viewer.get(address, {"q": "ada"}))
    assert "Nothing matches" in sentences(viewer.get(address, {"status__exact": "open"}))
