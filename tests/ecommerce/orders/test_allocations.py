from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.models import Invoice, InvoiceLine, InvoiceTax, Refund, RefundAllocation
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.place import place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund, settle_outside
from tests.support.factories import ANA, make_coupon, make_customer, make_sku, wanted_by
from tests.support.order_acts import by_hand, fresh, paid, payment_of, refused, settle, sweep_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}
NOW = timezone.now


def part(order: Order, **request: Any) -> Order:
    refund(order_id=order.pk, request=RefundRequest(**request), at=NOW(), **WHY)
    return settle(order)


def cells() -> list[tuple[int | None, int, int]]:
    """Quantity and amount of each allocation, by the place of its line; None is the shipping."""
    places: dict[int | None, int | None] = {None: None}
    places |= {pk: place for place, pk in enumerate(InvoiceLine.objects.order_by("pk").values_list("pk", flat=True))}
    rows = RefundAllocation.objects.order_by("pk").values_list("invoice_line", "quantity", "amount")
    return [(places[line], quantity, amount) for line, quantity, amount in rows]


def two_items() -> Order:
    make_coupon(percent_off=10)
    skus = make_sku(), make_sku("TEE-M", price=1000, product="Tee")
    wanted = wanted_by(make_customer(), *skus, quantity=2, coupon_code="SAVE10")
    return place(new_order=wanted, by=ANA, at=NOW())


def test_each_refund_says_which_lines_it_gives_back() -> None:
    order = two_items()
    first, second = order.items.order_by("pk")
    assert [(line.amount, line.discount) for line in InvoiceLine.objects.order_by("pk")] == [(3000, 300), (2000, 200)]
    part(order, lines=[(first.pk, 1)])
    part(order, amount=700)
    part(order, lines=[(second.pk, 2)])
    assert cells() == [(0, 1, 1350), (0, 0, 300), (1, 0, 400), (1, 2, 1400)]
    part(order, rest=True)
    assert cells()[4:] == [(0, 1, 1050)]
    assert (fresh(order).amount_refunded, fresh(order).status) == (4500, "paid")
    with refused("refund_too_large"):
        part(order, rest=True)


def test_a_cancellation_gives_back_what_earlier_refunds_left() -> None:
    order = two_items()
    part(order, amount=500)
    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert settle(order).status == "canceled"
    assert cells() == [(0, 0, 300), (1, 0, 200), (0, 2, 2400), (1, 2, 1600)]


def test_a_failed_refund_frees_what_it_would_have_given_back(fake_stripe: FakeStripeServer) -> None:
    order = paid(quantity=2)
    (item,) = order.items.all()
    fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})
    part(order, lines=[(item.pk, 1)])
    assert (Refund.objects.get().status, InvoiceLine.objects.get().refunded) == ("failed", 0)
    assert InvoiceLine.objects.get().refunded_quantity == 0

    settle_outside(order_id=order.pk, note="By bank transfer", by=ANA, at=NOW())
    assert cells() == [(0, 1, 1500), (0, 1, 1500)]
    assert (InvoiceLine.objects.get().refunded, InvoiceLine.objects.get().refunded_quantity) == (1500, 1)


def test_a_refund_tried_again_gives_back_the_same_lines(fake_stripe: FakeStripeServer) -> None:
    order = paid(quantity=3)
    (item,) = order.items.all()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})
    part(order, lines=[(item.pk, 2)])
    fake_stripe.post(f"disputes/{dispute['id']}/close", {"status": "won"})
    retry_refund(order_id=order.pk, by=ANA, at=NOW())
    assert settle(order).amount_refunded == 3000
    assert cells() == [(0, 2, 3000), (0, 2, 3000)]
    assert InvoiceLine.objects.get().refunded_quantity == 2


@pytest.mark.django_db(transaction=True)
def test_a_refund_made_at_stripe_is_laid_on_the_lines_too() -> None:
    order = paid(quantity=2)
    by_hand(order, 700)
    sweep_now()
    assert fresh(order).amount_refunded in {0, 700}
    cancel(order_id=order.pk, at=NOW(), **WHY)
    settle(order)
    assert sum(amount for _line, _quantity, amount in cells()) == 3000
    assert InvoiceLine.objects.get().refunded == 3000


def refuse(sql: str, *parameters: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


ALLOCATE = """
INSERT INTO billing_refundallocation (refund_id, invoice_line_id, invoice_tax_id, quantity, amount)
VALUES (%s, %s, %s, %s, %s)
"""


def test_the_database_refuses_more_than_a_cell_holds() -> None:
    order = paid(quantity=2)
    part(order, amount=1000)
    line, given = InvoiceLine.objects.get(), Refund.objects.get()
    invoice = Invoice.objects.get()
    saved = transaction.savepoint()
    tax = InvoiceTax.objects.create(invoice=invoice, line=line, name="VAT", rate=19, category="S", taxable=1, amount=5)
    other = Refund.objects.create(payment=given.payment, amount=2000, currency="usd", status="requested")
    refuse(ALLOCATE, other.pk, line.pk, None, 0, 2001)
    refuse(ALLOCATE, other.pk, line.pk, None, 3, 1)
    refuse(ALLOCATE, other.pk, line.pk, tax.pk, 0, 6)
    refuse(ALLOCATE, other.pk, None, None, 0, 1)
    refuse(ALLOCATE, other.pk, line.pk, None, 0, 0)
    refuse(ALLOCATE, other.pk, None, tax.pk, 0, 1)
    refuse("UPDATE billing_refundallocation SET amount = 1 WHERE refund_id = %s", given.pk)
    refuse("UPDATE billing_invoiceline SET discount = 1 WHERE id = %s", line.pk)
    refuse("UPDATE billing_invoicetax SET amount = 9 WHERE id = %s", tax.pk)
    refuse("UPDATE billing_invoiceline SET refunded = 3001 WHERE id = %s", line.pk)
    with connection.cursor() as cursor:
        cursor.execute(ALLOCATE, [other.pk, line.pk, None, 2, 2000])
    line.refresh_from_db()
    assert (line.refunded, line.refunded_quantity) == (3000, 2)
    transaction.savepoint_rollback(saved)


def test_a_refund_gives_back_lines_of_its_own_invoice_alone() -> None:
    one, other = paid(), paid()
    part(one, amount=100)
    line = InvoiceLine.objects.get(invoice__order=other)
    refuse(ALLOCATE, Refund.objects.get().pk, line.pk, None, 0, 100)
