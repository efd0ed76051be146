"""Rows for tests: named people, a small shop, and orders made by the real acts."""

from typing import Any

from django.utils import timezone

from customers.actors import Actor, ActorKind
from customers.models import Address, Customer, User
from ecommerce.models import Coupon, Order, Product, Sku
from ecommerce.orders.placing import NewOrder, place
from ecommerce.orders.quoting import Wanted

ANA = Actor(kind=ActorKind.STAFF, label="Ana")


def make_user(username: str = "ana", **fields: Any) -> User:
    return User.objects.create_user(username, password=username, is_staff=True, **fields)


def make_customer(email: str = "ada@example.com", **fields: Any) -> Customer:
    return Customer.objects.create(email=email, **({"first_name": "Ada", "last_name": "Lovelace"} | fields))


def make_address(customer: Customer, **fields: Any) -> Address:
    known = {"name": customer.name, "line1": "12 St James's Square", "city": "London", "postal_code": "SW1Y 4JH"}
    return Address.objects.create(customer=customer, **({"country": "GB"} | known | fields))


def make_sku(code: str = "MUG-RED", *, shippable: bool = False, stock: int | None = None, **fields: Any) -> Sku:
    product = Product.objects.create(name=fields.pop("product", "Mug"), shippable=shippable)
    inventory = {} if stock is None else {"inventory_type": "finite", "inventory_quantity": stock}
    known = {"name": "red", "price": 1500, "currency": "usd"}
    return Sku.objects.create(product=product, code=code, **(known | inventory | fields))


def make_coupon(code: str = "SAVE10", **fields: Any) -> Coupon:
    return Coupon.objects.create(code=code, **(fields or {"percent_off": 10}))


def wanted_by(customer: Customer, *skus: Sku, quantity: int = 1, **fields: Any) -> NewOrder:
    items = tuple(Wanted(sku_id=sku.pk, quantity=quantity) for sku in skus)
    known = {"via": Order.PlacedVia.STAFF, "token": "pm_card_visa"} | fields
    return NewOrder(customer_id=customer.pk, items=items, **known)


def place_order(**fields: Any) -> Order:
    """Place an order through the real act and the sandbox; paid unless the token says otherwise."""
    customer = fields.pop("customer", None) or Customer.objects.filter(email="ada@example.com").first()
    sku = fields.pop("sku", None) or Sku.objects.filter(code="MUG-RED").first() or make_sku()
    wanted = wanted_by(customer or make_customer(), sku, **fields)
    return place(wanted=wanted, by=ANA, at=timezone.now())
