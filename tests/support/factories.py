"""Rows for tests: named people, a small shop, and orders made by the real acts."""

from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Permission
from django.utils import timezone

from billing import gateway
from billing.models import Card
from customers.actors import Actor, ActorKind
from customers.models import Address, Customer, User
from ecommerce.models import Coupon, Order, Product, ShippingRate, ShippingZone, Sku
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.place import NewOrder, place

ANA = Actor(kind=ActorKind.STAFF, label="Ana")


def make_user(username: str = "ana", **fields: Any) -> User:
    return User.objects.create_user(username, password=username, is_staff=True, **fields)


def make_staff(username: str, *permissions: str) -> User:
    """Make somebody who may enter the admin and do what is named: "ecommerce.add_order"."""
    # Without a password, whose hash would take longer than the test: it signs in by `force_login`.
    user = User.objects.create(username=username, is_staff=True)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def make_customer(email: str = "ada@example.com", **fields: Any) -> Customer:
    return Customer.objects.create(email=email, **({"first_name": "Ada", "last_name": "Lovelace"} | fields))


def make_address(customer: Customer, **fields: Any) -> Address:
    known = {"name": customer.name, "line1": "12 St James's Square", "city": "London", "postal_code": "SW1Y 4JH"}
    return Address.objects.create(customer=customer, **({"country": "GB"} | known | fields))


def make_card(customer: Customer, token: str = "tok_visa", **fields: Any) -> Card:
    """Save a card at Stripe for a customer, of the kind that Stripe's test token says."""
    if not customer.stripe_customer_id:
        customer.stripe_customer_id = gateway.create_customer(
            email=customer.email, name=customer.name, reference=str(customer.pk), key=str(uuid4())
        )
        customer.save()
    facts = gateway.attach_card(token=token, customer_id=customer.stripe_customer_id)
    shown = {name: getattr(facts, name) for name in ("brand", "last4", "exp_month", "exp_year")}
    return Card.objects.create(customer=customer, stripe_payment_method_id=facts.id, **(shown | fields))


def make_sku(code: str = "MUG-RED", *, shippable: bool = False, stock: int | None = None, **fields: Any) -> Sku:
    product = Product.objects.create(name=fields.pop("product", "Mug"), shippable=shippable)
    inventory = {} if stock is None else {"inventory_type": "finite", "inventory_quantity": stock}
    known = {"name": "red", "price": 1500, "currency": "usd"}
    return Sku.objects.create(product=product, code=code, **(known | inventory | fields))


def make_coupon(code: str = "SAVE10", **fields: Any) -> Coupon:
    return Coupon.objects.create(code=code, **(fields or {"percent_off": 10}))


def make_shipping_rate(zone: ShippingZone | None = None, **fields: Any) -> ShippingRate:
    zone = zone or ShippingZone.objects.get_or_create(name="Germany", defaults={"countries": ["DE"]})[0]
    return ShippingRate.objects.create(zone=zone, **({"name": "Parcel", "currency": "eur", "price": 490} | fields))


def wanted_by(customer: Customer, *skus: Sku, quantity: int = 1, **fields: Any) -> NewOrder:
    items = tuple(LineRequest(sku_id=sku.pk, quantity=quantity) for sku in skus)
    known = {"via": Order.PlacedVia.STAFF, "token": "pm_card_visa"} | fields
    return NewOrder(customer_id=customer.pk, items=items, **known)


def place_order(**fields: Any) -> Order:
    """Place an order through the real act and the fake Stripe; paid unless the token says otherwise."""
    customer = fields.pop("customer", None) or Customer.objects.filter(email="ada@example.com").first()
    sku = fields.pop("sku", None) or Sku.objects.filter(code="MUG-RED").first() or make_sku()
    wanted = wanted_by(customer or make_customer(), sku, **fields)
    return place(new_order=wanted, by=ANA, at=timezone.now())
