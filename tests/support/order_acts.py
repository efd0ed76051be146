"""Acts as tests bring them about: orders in each state, many people at once, and refusals that change nothing."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing import gateway
from billing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment, Refund, RefundAllocation, RefundFee
from customers.models import Address, Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import (
    Coupon,
    CustomerRequest,
    Fulfillment,
    FulfillmentItem,
    Order,
    OrderAct,
    OrderEvent,
    OrderItem,
    Return,
    ReturnItem,
    Sku,
    TaxLine,
)
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.place import place
from ecommerce.tasks import execute_act, sweep
from tests.support.factories import ANA, make_address, make_coupon, make_customer, place_order, wanted_by

BOOKED: tuple[Any, ...] = (
    *(
        Order,
        OrderItem,
        TaxLine,
        OrderAct,
        OrderEvent,
        Fulfillment,
        FulfillmentItem,
        Return,
        ReturnItem,
        CustomerRequest,
    ),
    *(Invoice, InvoiceLine, InvoiceTax, Payment, Refund, RefundAllocation, RefundFee, CreditNote, Sku, Coupon),
)


def fresh(order: Order) -> Order:
    """Read an order anew."""
    return Order.objects.select_related("invoice").get(pk=order.pk)


def paid(**fields: Any) -> Order:
    """Place an order and have it paid."""
    order = place_order(**fields)
    assert order.status == "paid"
    return order


def paid_lines(*lines: tuple[Sku, int], **fields: Any) -> Order:
    """Place an order of these SKUs and quantities, to an address, and have it paid."""
    customer = Customer.objects.filter(email="ada@example.com").first() or make_customer()
    items = tuple(LineRequest(sku_id=sku.pk, quantity=quantity) for sku, quantity in lines)
    address = Address.objects.filter(customer=customer).first() or make_address(customer)
    wanted = wanted_by(customer, address_id=address.pk, **fields)
    order = place(new_order=replace(wanted, items=items), by=ANA, at=timezone.now())
    assert order.status == "paid"
    return order


def fulfilled(**fields: Any) -> Order:
    """Place an order, have it paid, and send it."""
    return fulfill(order_id=paid(**fields).pk, by=ANA, at=timezone.now())


def free() -> Order:
    """Place an order that costs nothing."""
    make_coupon("FREE", percent_off=100)
    return paid(coupon_code="FREE", token="", customer=make_customer("eve@example.com"))


def settle(order: Order) -> Order:
    """Settle what an order waits for, as the worker that was rung for does."""
    execute_act(act_id=OrderAct.objects.get(order=order, closed_at=None).pk)
    return fresh(order)


def sweep_now() -> None:
    """Make all that waits due, and sweep."""
    for operations in (Payment.objects, Refund.objects):
        operations.filter(next_attempt_at__isnull=False, closed_at=None).update(next_attempt_at=timezone.now())
    sweep()


def payment_of(order: Order) -> Payment:
    """Give an order's last payment."""
    return Payment.objects.filter(invoice__order=order).latest("pk")


def by_hand(order: Order, amount: int) -> str:
    """Refund an order in Stripe's own dashboard, and give the refund's id."""
    asked: Any = {"payment_intent": payment_of(order).stripe_payment_intent_id, "amount": amount}
    return gateway.client().v1.refunds.create(asked).id


def dispute(fake_stripe: FakeStripeServer, order: Order) -> str:
    """Have an order's payment disputed at the bank: Stripe refuses to refund it."""
    return str(fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"])


def decided(fake_stripe: FakeStripeServer, dispute_id: str, status: str) -> None:
    """Have a dispute end: won, or lost."""
    fake_stripe.post(f"disputes/{dispute_id}/close", {"status": status})


def kinds(order: Order) -> list[str]:
    """Give an order's history in a few words."""
    return list(order.events.order_by("pk").values_list("kind", flat=True))


def items_of(order: Order) -> list[OrderItem]:
    """Give an order's items, in their order."""
    return list(order.items.order_by("pk"))


def counts(order: Order) -> list[tuple[int, int, int]]:
    """Give how many units of each item were fulfilled, canceled and returned."""
    return [(item.fulfilled, item.canceled, item.returned) for item in items_of(order)]


def books() -> dict[str, list[dict[str, Any]]]:
    """Give every row that an act may write."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in BOOKED}


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect a refusal, after which nothing has happened."""
    before = books()
    with pytest.raises(OrderError) as refusal:
        yield
    assert refusal.value.code == code
    assert refusal.value.message
    assert books() == before


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do all of them at the same moment; give what became of each: "done", or the refusal's code."""
    ready = threading.Barrier(len(acts))

    def one(act: Callable[[], object]) -> str:
        try:
            ready.wait(timeout=10)
            act()
        except OrderError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))
