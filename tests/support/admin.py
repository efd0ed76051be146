"""Orders inserted directly, for tests of pages that only read them, and staff clients with permissions."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from billing.models import Invoice, Payment
from customers.models import Customer, User
from ecommerce.models import Order, OrderItem, Sku
from tests.support.factories import make_customer

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TIMES = {
    "created": (),
    "paid": ("paid_at",),
    "fulfilled": ("paid_at", "fulfilled_at"),
    "canceled": ("canceled_at",),
    "returned": ("paid_at", "fulfilled_at", "returned_at"),
}
LIST = "/admin/ecommerce/order/"
_sequence = count(1)


def signed_in(*permissions: str) -> Client:
    user = User.objects.create(username=f"staff{next(_sequence)}", is_staff=True, first_name="Ana")
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def viewer() -> Client:
    return signed_in("ecommerce.view_order")


def order_row(status: str = "created", *, sku: Sku | None = None, **fields: Any) -> Order:
    customer = fields.pop("customer", None) or Customer.objects.filter(email="ada@example.com").first()
    defaults = {
        "currency": "usd",
        "subtotal": 4500,
        "total": 4500,
        "placed_via": "staff",
        "placed_by": "tests",
        "summary": "1 x Mug, red",
        "sku_codes": sku.code if sku else "",
        "created_at": NOON + timedelta(minutes=next(_sequence)),
        **dict.fromkeys(TIMES[status], NOON),
    }
    order = Order.objects.create(customer=customer or make_customer(), status=status, **(defaults | fields))
    order.refresh_from_db()
    if sku:
        OrderItem.objects.create(
            order=order, sku=sku, sku_code=sku.code, description=str(sku), unit_price=4500, quantity=1, amount=4500
        )
    return order


def paid_row(invoice: str = "INV-000001", intent: str = "pi_one", **fields: Any) -> Order:
    order = order_row("paid", **fields)
    order.invoice = Invoice.objects.create(
        number=invoice,
        customer=order.customer,
        reference=order.number,
        status="paid",
        currency="usd",
        subtotal=4500,
        total=4500,
        amount_paid=4500,
        bill_to={},
        paid_at=NOON,
    )
    order.save()
    Payment.objects.create(
        invoice=order.invoice,
        amount=4500,
        currency="usd",
        status="succeeded",
        stripe_payment_intent_id=intent,
        next_attempt_at=None,
    )
    return order


def numbers(client: Client, query: str = "") -> list[str]:
    response = client.get(LIST + query)
    assert response.status_code == 200, response.status_code
    return [row.number for row in response.context["rows"]]
