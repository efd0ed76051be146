"""What happens in a shop around a backup, in a process of its own: `manage.py shell -c` calls `run_step`."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from backoffice import database_clock
from billing.models import CreditNote, Difference, Document, Invoice
from billing.reconciliation import ends
from customers.models import Customer, Mail
from devserver.fake_stripe_server import FakeStripeControl
from ecommerce.models import Order, OrderAct, Return, Sku, WebhookDelivery, WebhookEndpoint
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.pay import pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.returns import open_return
from tests.support.books import differences
from tests.support.factories import ANA, make_coupon, make_customer, make_sku, place_order
from tests.support.order_acts import paid_lines
from tests.support.sellers import a_seller

NOTHING: dict[str, Any] = {}


def seed(webhooks: str) -> dict[str, Any]:
    """Fill an empty database, and place the orders that the backup knows."""
    a_seller()
    make_sku()
    make_coupon("FREE", percent_off=100)
    make_customer("free@example.com", first_name="Free")
    WebhookEndpoint.objects.create(url=webhooks)
    part, back, canceling = place_order(), _vase(make_sku("VASE", shippable=True)), place_order()
    unpaid = place_order(token="pm_card_chargeDeclined")
    return {name: order.pk for name, order in locals().items() if hasattr(order, "placed_via")}


def in_flight() -> dict[str, Any]:
    """Leave behind what a worker has not done yet: a refund, mails, webhooks and a PDF."""
    order, canceling = place_order(), place_order()
    cancel(order_id=canceling.pk, reason="", by=ANA, at=database_clock.now())
    return {"in_flight_canceling": canceling.pk, "in_flight": order.pk, "moment": database_clock.now().isoformat()}


def lost(known: dict[str, int]) -> dict[str, Any]:
    """Do what the backup does not know: pay, refund, cancel, send, return, and order."""
    pay(order_id=known["unpaid"], by=ANA, at=database_clock.now(), token="pm_card_visa")
    _refund(known["part"], 300)
    cancel(order_id=known["canceling"], reason="", by=ANA, at=database_clock.now())
    _return(known["back"])
    fulfill(order_id=known["in_flight"], by=ANA, at=database_clock.now())
    new = place_order(customer=make_customer("new@example.com", first_name="New"))
    _refund(new.pk, 200)
    place_order(token="pm_card_chargeDeclined")
    place_order(token="pm_card_authenticationRequired")
    for _ in range(3):
        _free()
    return NOTHING


def afterwards(known: dict[str, int]) -> dict[str, Any]:
    """Sell on in the restored shop."""
    place_order()
    _free()
    _refund(known["part"], 100)
    _return(_vase(Sku.objects.get(code="VASE")).pk)
    return NOTHING


def refund_what_is_lost() -> dict[str, Any]:
    """End the differences of orders that are gone, as staff do."""
    left = list(Difference.objects.filter(resolved_at=None))
    for difference in left:
        ends.refund_charge(difference=difference, note="", by="Ana", at=database_clock.now())
    return {"kinds": [each.kind for each in left], "charges": [each.stripe_id for each in left]}


def drain() -> dict[str, Any]:
    """Wait until nothing waits for a worker any more; give what does after two minutes."""
    deadline = time.monotonic() + 120
    while (waits := _waiting()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return waits


def _waiting() -> dict[str, int]:
    waits = {
        "acts": OrderAct.objects.filter(closed_at=None, payment__status="requested").count()
        + OrderAct.objects.filter(closed_at=None, refund__isnull=False).count(),
        "documents": Document.objects.filter(status="queued").count(),
        "mails": Mail.objects.filter(status="queued").count(),
        "webhooks": WebhookDelivery.objects.filter(status="queued").count(),
    }
    return {name: count for name, count in waits.items() if count}


def books(*given_back: str) -> dict[str, Any]:
    """Give all that was issued, and how our books differ from Stripe's but for charges of lost orders."""
    ledger = FakeStripeControl(settings.STRIPE_API_BASE).ledger()
    ledger["payment_intents"] = [each for each in ledger["payment_intents"] if each["id"] not in given_back]
    ledger["refunds"] = [each for each in ledger["refunds"] if each["payment_intent"] not in given_back]
    numbers: dict[str, Any] = {
        model.__name__: list(model.objects.values_list("number", flat=True))
        for model in (Order, Invoice, CreditNote, Return)
    }
    return {
        "numbers": numbers,
        "order_ids": list(Order.objects.values_list("pk", flat=True)),
        "statuses": {str(order.pk): order.status for order in Order.objects.all()},
        "files": list(Document.objects.exclude(file="").values_list("file", flat=True)),
        "problems": list(Document.objects.exclude(problems=[]).values_list("problems", flat=True)),
        "differences": differences(ledger),
    }


def _vase(sku: Sku) -> Order:
    return paid_lines((sku, 1))


def _free() -> Order:
    return place_order(coupon_code="FREE", token="", customer=Customer.objects.get(email="free@example.com"))


def _refund(order_id: int, amount: int) -> None:
    refund(order_id=order_id, request=RefundRequest(amount=amount), reason="", by=ANA, at=database_clock.now())


def _return(order_id: int) -> None:
    fulfill(order_id=order_id, by=ANA, at=database_clock.now())
    items = [(item.pk, item.quantity) for item in Order.objects.get(pk=order_id).items.all()]
    open_return(order_id=order_id, items=items, reason="unwanted", approved=True, by=ANA, at=database_clock.now())


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    step.__name__: step for step in (seed, in_flight, lost, afterwards, refund_what_is_lost, drain, books)
}


def run_step(name: str, arguments: str) -> None:
    """Run one of the above with arguments in JSON, and print what it gives as the last line."""
    sys.stdout.write(f"\n{json.dumps(STEPS[name](*json.loads(arguments)))}\n")
