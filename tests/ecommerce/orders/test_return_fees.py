"""What is kept of the refund of a return: fees with their tax, and what a withdrawal from the contract pays."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.documents.build import document_of
from billing.models import CreditNote, InvoiceTax, Payment, Refund, RefundFee
from billing.sums import given_back, taxes_given_back
from billing.tax_report import month_of, tax_report
from customers.models import Address
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, ShippingRate
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund
from ecommerce.orders.returns import Fee, quote_return
from ecommerce.orders.shipping import ShippingChoice
from tests.support.factories import ANA
from tests.support.german import mug_and_book, ordered
from tests.support.order_acts import decided, dispute, fresh, refused, settle, sweep_now
from tests.support.returned import close, opened, receive, received, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
NOW = timezone.now
RESTOCKING = Fee(name="Restocking", amount=300)


@pytest.fixture
def order(germany: Address) -> Order:
    """A sent order of a mug and a book, 34.90 with its shipping."""
    return sent(ordered(germany, *mug_and_book()))


def test_a_fee_is_kept_with_its_tax_and_every_document_says_so(order: Order, ledger: Ledger) -> None:
    close(received(order, 1, 0), fees=(RESTOCKING,))
    done = settle(order)
    assert (done.amount_refunded, done.fees_kept, done.status) == (1700, 300, "fulfilled")
    assert [each["amount"] for each in ledger()["refunds"]] == [1700]
    made, fee, payment = Refund.objects.get(), RefundFee.objects.get(), Payment.objects.get()
    assert (fee.name, fee.amount, fee.tax, fee.rate, fee.category) == ("Restocking", 300, 48, Decimal(19), "S")
    assert (made.amount, made.fees, payment.refunds, payment.fees, payment.refundable) == (1700, 300, 1700, 300, 1490)
    note = CreditNote.objects.select_related("invoice").get()
    lines, taxes = note.invoice.lines.order_by("pk"), note.invoice.taxes.order_by("pk")
    back = given_back(made.allocations.all(), lines, made.fee_rows.all(), shipping_name="")
    assert [(each.label, each.net, each.tax) for each in back] == [("Mug, red", 1680, 320), ("Restocking", -252, -48)]
    assert sum(each.total for each in back) == note.amount == 1700
    assert taxes_given_back(made.allocations.all(), taxes, made.fee_rows.all()) == [("VAT 19 %", 272)]
    assert [(each.taxable, each.amount) for each in document_of(note).taxes] == [(1680 - 252, 272)]
    month = month_of(NOW())
    rows = {row.rate: row for row in tax_report(first=month, last=month)}
    assert (rows[Decimal(19)].credited, rows[Decimal(19)].credited_tax) == (1428, 272)


def test_the_rest_is_refunded_and_refunds_and_fees_are_the_payment(order: Order) -> None:
    postage = Fee(name="Postage", amount=200, rate=Decimal(0))
    close(received(order, 1, 1), shipping=True, fees=(RESTOCKING, postage))
    done = settle(order)
    assert (done.amount_refunded, done.fees_kept, done.status, done.attention) == (2990, 500, "returned", "")
    payment = Payment.objects.get()
    assert (payment.refundable, payment.refunds + payment.fees) == (0, payment.amount)
    assert list(RefundFee.objects.order_by("pk").values_list("tax", "category")) == [(48, "S"), (0, "O")]
    with refused("wrong_status"):
        refund(order_id=order.pk, request=RefundRequest(rest=True), reason="", by=ANA, at=NOW())


def test_a_refund_that_is_all_fees_sends_nothing_and_is_booked(order: Order, ledger: Ledger) -> None:
    one = close(received(order, 0, 1), fees=(Fee(name="Soiled", amount=1000, rate=Decimal(7)),))
    done = fresh(order)
    assert (one.status, done.money_state, done.amount_refunded, done.fees_kept) == ("closed", "", 0, 1000)
    assert (ledger()["refunds"], Refund.objects.get().status, CreditNote.objects.get().amount) == ([], "succeeded", 0)
    assert RefundFee.objects.get().tax == 65


@pytest.mark.parametrize(
    ("fee", "code"),
    [
        (Fee(name="Too much", amount=2001), "fees_too_large"),
        (Fee(name="Nothing", amount=0), "invalid_fees"),
        (Fee(name="Less", amount=-1), "invalid_fees"),
        (Fee(name=" ", amount=1), "invalid_fees"),
        (Fee(name="Another rate", amount=1, rate=Decimal(25)), "invalid_fees"),
    ],
    ids=lambda value: value.name if isinstance(value, Fee) else "",
)
def test_fees_that_are_none(order: Order, fee: Fee, code: str) -> None:
    one = received(order, 1, 0)
    with refused(code):
        close(one, fees=(fee,))
    with refused("invalid_fees"):
        close(one, refund=False, fees=(RESTOCKING,))


def test_a_refused_refund_frees_its_fees_and_trying_again_keeps_them(
    order: Order, fake_stripe: FakeStripeServer
) -> None:
    disputed = dispute(fake_stripe, order)
    close(received(order, 1, 0), fees=(RESTOCKING,))
    settle(order)
    assert (Payment.objects.get().fees, Payment.objects.get().refundable, fresh(order).fees_kept) == (0, 3490, 0)
    decided(fake_stripe, disputed, "won")
    retry_refund(order_id=order.pk, by=ANA, at=NOW())
    assert (settle(order).amount_refunded, fresh(order).fees_kept, Payment.objects.get().fees) == (1700, 300, 300)


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_the_bank_fails_later_frees_its_fees(order: Order, fake_stripe: FakeStripeServer) -> None:
    close(received(order, 1, 0), fees=(RESTOCKING,))
    settle(order)
    made = Refund.objects.get()
    fake_stripe.post(f"refunds/{made.stripe_refund_id}/settle", {"status": "failed"})
    Refund.objects.update(closed_at=None, next_attempt_at=NOW())
    sweep_now()
    failed = fresh(order)
    assert (failed.money_state, failed.amount_refunded, failed.fees_kept) == ("refund_failed", 0, 0)
    assert (Payment.objects.get().refundable, CreditNote.objects.get().voided_at is not None) == (3490, True)
    retry_refund(order_id=order.pk, by=ANA, at=NOW())
    assert (settle(order).amount_refunded, fresh(order).fees_kept) == (1700, 300)


def test_the_database_holds_a_refunds_fees_to_their_rows(order: Order) -> None:
    close(received(order, 1, 0), fees=(RESTOCKING,))
    settle(order)
    fee, other = RefundFee.objects.get(), InvoiceTax.objects.filter(rate=7)[0]
    changes: list[Callable[[], object]] = [
        lambda: RefundFee.objects.create(refund=fee.refund, name="More", amount=1),
        lambda: RefundFee.objects.filter(pk=fee.pk).delete(),
        lambda: Refund.objects.update(fees=299),
        lambda: RefundFee.objects.filter(pk=fee.pk).update(amount=1),
        lambda: Payment.objects.update(fees=5000),
        lambda: (
            RefundFee.objects.create(refund=fee.refund, name="More", amount=1, invoice_tax=other, rate=19),
            Refund.objects.update(fees=301),
        ),
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            at_its_end(change)


def at_its_end(change: Callable[[], object]) -> None:
    """Change something, and have it checked as at the end of a transaction."""
    change()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# A withdrawal from the contract


def express(germany: Address) -> Order:
    rate = ShippingRate.objects.get(name="Express", currency="eur")
    return sent(ordered(germany, *mug_and_book(), shipping=ShippingChoice(rate_id=rate.pk)))


def test_a_full_withdrawal_refunds_the_cheapest_shipping_and_bears_no_fees(germany: Address) -> None:
    order = express(germany)
    assert (order.total, order.shipping, order.shipping_cheapest) == (4290, 1290, 490)
    one = received(order, 1, 1, is_withdrawal=True)
    with refused("withdrawal_without_fees"):
        close(one, fees=(RESTOCKING,))
    close(one)
    assert (settle(order).amount_refunded, fresh(order).status) == (3490, "returned")
    refund(order_id=order.pk, request=RefundRequest(shipping=True), reason="Goodwill", by=ANA, at=NOW())
    assert (settle(order).amount_refunded, fresh(order).status) == (4290, "returned")


def test_a_withdrawal_in_part_refunds_no_shipping_until_all_is_back(germany: Address) -> None:
    order = express(germany)
    close(received(order, 1, 0, is_withdrawal=True))
    assert settle(order).amount_refunded == 2000
    rest = opened(order, 0, 1, is_withdrawal=True)
    refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", by=ANA, at=NOW())
    settle(order)
    receive(rest, 0, 1)
    quote = quote_return(rest).refund
    assert quote is not None
    assert (quote.total, quote.back.shipping.total) == (900 + 490, 490)
    close(rest)
    assert (settle(order).amount_refunded, fresh(order).status) == (2000 + 100 + 900 + 490, "returned")
