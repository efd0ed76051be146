from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Model
from django.utils import timezone

from billing.models import Card, CreditNote, Invoice, InvoiceLine, Payment, Refund
from customers.actors import SYSTEM
from customers.models import Address, Customer, User
from ecommerce.models import Coupon, Order, OrderAct, OrderEvent, OrderItem, Sku
from tests.support.factories import make_address, make_coupon, make_customer, make_sku
from tests.support.rows import a_card, a_paid_order, a_refund, an_order, sku_of

pytestmark = pytest.mark.django_db
NOW = timezone.now


def refuses(constraint: str, act: Any) -> None:
    """Expect the database to refuse this, by the rule of this name."""
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        act()


def change(row: Model, **values: Any) -> Any:
    """Give what would write these columns past every rule of the code's own."""
    return lambda: type(row)._base_manager.filter(pk=row.pk).update(**values)


@pytest.fixture
def order() -> Order:
    return a_paid_order(make_customer(), make_sku())


@pytest.fixture
def payment(order: Order) -> Payment:
    return Payment.objects.get()


def more(payment: Payment, amount: int, status: str = "requested", **fields: Any) -> Refund:
    known = {"amount": amount, "currency": "usd", "status": status, "next_attempt_at": None}
    return Refund.objects.create(payment=payment, **(known | fields), **SYSTEM.columns)


# Rule 1


def test_the_refunds_of_a_payment_are_added_up(payment: Payment) -> None:
    first, second = more(payment, 1000), more(payment, 500)
    assert Payment.objects.get().refunds == 1500
    Refund.objects.filter(pk=first.pk).update(status="failed")
    assert Payment.objects.get().refunds == 500
    Refund.objects.filter(pk=first.pk).update(status="succeeded", stripe_refund_id="re_1")
    assert Payment.objects.get().refunds == 1500
    second.delete()
    assert Payment.objects.get().refunds == 1000
    Refund.objects.filter(pk=first.pk).update(amount=200)
    assert Payment.objects.get().refunds == 200


def test_refunds_never_exceed_their_payment(payment: Payment) -> None:
    more(payment, 2000)
    refuses("payment_refunds", lambda: more(payment, 1001))
    failed = more(payment, 2000, "failed")
    refuses("payment_refunds", change(failed, status="requested"))
    refuses("payment_refunds", change(failed, status="succeeded", stripe_refund_id="re_1"))
    rest = more(payment, 1000)
    refuses("payment_refunds", change(rest, amount=1001))
    refuses("payment_refunds", change(payment, amount=2999))
    assert Payment.objects.get().refunds == 3000


def test_a_refund_keeps_its_payment(payment: Payment, order: Order) -> None:
    other = a_paid_order(order.customer, sku_of(order))
    refuses("keeps its payment", change(more(payment, 100), payment=Payment.objects.get(invoice=other.invoice_id)))


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_want_600_of_1000_and_one_gets_it() -> None:
    order = a_paid_order(make_customer(), make_sku(price=1000), quantity=1)
    payment = Payment.objects.get(invoice=order.invoice_id)

    def want(_: int) -> bool:
        try:
            more(payment, 600)
        except IntegrityError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(want, range(20))) == [False] * 19 + [True]
    assert Payment.objects.get().refunds == 600


# Payments, refunds, invoices


def test_an_invoice_has_one_live_payment(payment: Payment) -> None:
    known = {"invoice": payment.invoice, "amount": 3000, "currency": "usd"}
    refuses("payment_one_live", lambda: Payment.objects.create(**known))
    failed = Payment.objects.create(**known, status="failed")
    refuses("payment_one_live", change(failed, status="requires_action"))


def test_money_that_moved_has_its_object_at_stripe(payment: Payment) -> None:
    refuses("payment_succeeded_at_stripe", change(payment, stripe_payment_intent_id=None))
    refuses("refund_done_at_stripe", lambda: more(payment, 100, "succeeded"))
    refuses("refund_done_at_stripe", lambda: more(payment, 100, "pending"))
    assert more(payment, 100, "succeeded", settled_outside=True).pk


def test_nothing_is_charged_or_sent_back_of_nothing(payment: Payment) -> None:
    refuses("payment_amount", change(payment, amount=0))
    refuses("refund_amount", lambda: more(payment, 0))


def test_an_object_at_stripe_has_one_row(payment: Payment, order: Order) -> None:
    other = a_paid_order(order.customer, sku_of(order))
    theirs = Payment.objects.get(invoice=other.invoice_id)
    refuses("stripe_payment_intent_id", change(theirs, stripe_payment_intent_id=payment.stripe_payment_intent_id))
    first = more(payment, 100, "succeeded", stripe_refund_id="re_1")
    refuses("stripe_refund_id", lambda: more(payment, 100, "succeeded", stripe_refund_id="re_1"))
    refuses("uuid", lambda: more(payment, 100, uuid=first.uuid))


def test_a_failed_refund_is_made_good_once(payment: Payment) -> None:
    failed = more(payment, 100, "failed")
    more(payment, 100, instead_of=failed)
    refuses("instead_of", lambda: more(payment, 100, instead_of=failed))


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("invoice_adds_up", {"total": 2999, "amount_paid": 2999}),
        ("invoice_adds_up", {"discount": 1}),
        ("invoice_discount", {"discount": 3001, "shipping": 3001}),
        ("invoice_paid", {"paid_at": None}),
        ("invoice_paid", {"amount_paid": 2999}),
        ("invoice_paid", {"status": "open"}),
        ("invoice_refunded", {"amount_refunded": 3001}),
        ("invoice_void", {"status": "void", "paid_at": None, "amount_paid": 0}),
        ("invoice_void", {"voided_at": NOW()}),
    ],
)
def test_an_invoice_adds_up(order: Order, constraint: str, values: dict[str, Any]) -> None:
    refuses(constraint, change(Invoice.objects.get(), **values))


def test_an_invoices_lines_are_history(order: Order) -> None:
    line = InvoiceLine.objects.get()
    refuses("is history", change(line, quantity=1))
    refuses("is history", line.delete)
    made = {"invoice": line.invoice, "sku_code": "A", "description": "A", "quantity": 2, "unit_price": 10}
    refuses("invoice_line_amount", lambda: InvoiceLine.objects.create(**made, amount=21))


def test_an_invoice_belongs_to_one_order_and_its_number_to_it(order: Order) -> None:
    other = an_order(order.customer, sku_of(order))
    refuses("invoice_id", change(other, invoice=order.invoice_id))
    invoice = Invoice.objects.get()
    invoice.pk = None
    refuses("number", invoice.save)


def test_a_refund_has_one_credit_note(order: Order) -> None:
    refund = a_refund(order, 100)
    note = {"invoice": order.invoice, "refund": refund, "currency": "usd", "amount": 100}
    refuses("refund_id", lambda: CreditNote.objects.create(number="CN-9", **note))


def test_a_customer_has_one_default_card(order: Order) -> None:
    a_card(order.customer, is_default=True)
    other = a_card(order.customer, "pm_2")
    refuses("card_one_default", change(other, is_default=True))
    assert Card.objects.filter(is_default=True).count() == 1


# Orders


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("order_adds_up", {"total": 2999}),
        ("order_adds_up", {"shipping": 1}),
        ("order_discount", {"discount": 3001, "tax": 3001}),
        ("order_refunded", {"amount_refunded": 3001}),
        ("order_status_times", {"paid_at": None}),
        ("order_status_times", {"fulfilled_at": NOW()}),
        ("order_status_times", {"canceled_at": NOW()}),
        ("order_status_times", {"returned_at": NOW()}),
    ],
)
def test_an_order_adds_up_and_has_the_times_of_its_status(
    order: Order, constraint: str, values: dict[str, Any]
) -> None:
    refuses(constraint, change(order, **values))


@pytest.mark.parametrize("status", ["created", "fulfilled", "canceled", "returned", "lost"])
def test_a_status_has_its_time(order: Order, status: str) -> None:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE ecommerce_order SET status = %s", [status])

    refuses("order_status_times", write)


def test_one_placement_is_one_order(order: Order) -> None:
    placed = {"placed_by": "staff:1", "placement_key": "form-1"}
    Order.objects.filter(pk=order.pk).update(**placed)
    other = an_order(order.customer, sku_of(order))
    refuses("order_placed_once", change(other, **placed))


def test_one_act_at_a_time_is_open(order: Order) -> None:
    first = OrderAct.objects.create(order=order, kind="refund", **SYSTEM.columns)
    refuses("act_one_open", lambda: OrderAct.objects.create(order=order, kind="cancel", **SYSTEM.columns))
    refuses("act_closed", change(first, closed_at=NOW()))
    refuses("act_closed", change(first, outcome="done"))
    change(first, closed_at=NOW(), outcome="done")()
    assert OrderAct.objects.create(order=order, kind="cancel", **SYSTEM.columns).pk


def test_history_is_neither_changed_nor_deleted(order: Order) -> None:
    event = OrderEvent.objects.earliest("pk")
    refuses("is history", change(event, kind="paid"))
    refuses("is history", lambda: OrderEvent.objects.filter(pk=event.pk)._raw_delete(using="default"))
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ecommerce_orderevent")
        assert cursor.fetchone() == (2,)


def test_a_line_is_its_price_times_its_quantity(order: Order) -> None:
    line = OrderItem.objects.get()
    refuses("order_item_amount", change(line, amount=F("amount") + 1))
    refuses("order_item_quantity", change(line, quantity=0, amount=0))


# Catalogue and people


def test_stock_never_goes_below_zero() -> None:
    sku = make_sku(stock=1)
    refuses("inventory_quantity|sku_stock", change(sku, inventory_quantity=F("inventory_quantity") - 2))
    refuses("code", lambda: Sku.objects.create(product=sku.product, code=sku.code, price=1, currency="usd"))


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("coupon_redemptions", {"max_redemptions": 1, "times_redeemed": 2}),
        ("coupon_terms", {"percent_off": 101}),
        ("coupon_terms", {"percent_off": 0}),
        ("coupon_terms", {"amount_off": 100, "currency": "usd"}),
        ("coupon_terms", {"percent_off": None}),
        ("coupon_terms", {"percent_off": None, "amount_off": 100}),
        ("times_redeemed", {"times_redeemed": -1}),
    ],
)
def test_a_coupon_takes_a_share_or_an_amount_as_often_as_it_may(constraint: str, values: dict[str, Any]) -> None:
    refuses(constraint, change(make_coupon(), **values))


def test_a_coupons_code_is_one_whatever_its_case() -> None:
    make_coupon("Été")
    refuses("coupon_code_unique", lambda: Coupon.objects.create(code="ÉTÉ", percent_off=5))


@pytest.mark.parametrize(("first", "second"), [("ada@x.org", "ADA@x.org"), ("andré@x.org", "ANDRÉ@x.org")])
def test_an_email_is_one_whatever_its_case(first: str, second: str) -> None:
    make_customer(first)
    refuses("customer_email_unique", lambda: Customer.objects.create(email=second))
    User.objects.create_user("a", email=first)
    refuses("user_email_unique", lambda: User.objects.create_user("b", email=second))
    assert User.objects.create_user("c").pk
    assert User.objects.create_user("d").pk


def test_a_country_has_two_letters_and_a_customer_one_default_address() -> None:
    address = make_address(make_customer(), is_default=True)
    refuses("address_country", change(address, country="gb"))
    refuses("address_one_default", lambda: make_address(address.customer, is_default=True))
    assert Address.objects.count() == 1
