"""A return in each status, an order whose customer asks to cancel it, and a withdrawal from the contract."""

from collections.abc import Iterator
from datetime import timedelta

from customers.actors import Actor, ActorKind
from ecommerce.customer_requests.cancellations import ask_to_cancel
from ecommerce.customer_requests.returns import approve, ask_for_return, decline
from ecommerce.customer_requests.withdrawals import withdraw
from ecommerce.management.demo.orders import DemoShop
from ecommerce.models import Fulfillment, Order, Return, ShopSettings
from ecommerce.orders.execute import execute_act
from ecommerce.orders.receiving import Received
from ecommerce.orders.returns import cancel_return, close_return, receive_return
from ecommerce.orders.selectors import open_act


def create_returns(shop: DemoShop) -> None:
    ShopSettings.objects.filter(pk=1).update(cancel_minutes=30)
    orders = _sent(shop)
    _ask(shop, next(orders), "Doesn't fit", hours=5)
    by, now = shop.by("support"), shop.now
    approve(return_id=_ask(shop, next(orders), "Changed my mind", hours=30).pk, by=by, at=now - timedelta(hours=20))
    _receive(shop, _ask(shop, next(orders), "Not as described", hours=90))
    _close(shop, _receive(shop, _ask(shop, next(orders), "Damaged on arrival", hours=99)))
    worn = _ask(shop, next(orders), "Doesn't fit", hours=60)
    decline(return_id=worn.pk, answer="It came back worn once before.", by=by, at=now - timedelta(hours=50))
    cancel_return(return_id=_ask(shop, next(orders), "Changed my mind", hours=40).pk, by=by, at=now)
    order = next(orders)
    withdraw(order_id=order.pk, items=None, by=_customer(order), at=now - timedelta(hours=26))
    _ask_to_cancel(shop)


def _sent(shop: DemoShop) -> Iterator[Order]:
    """Orders that arrived not long ago, paid by card and with nothing given back."""
    fresh = Order.objects.fulfilled().filter(amount_refunded=0, attention="", money_state="", total__gt=0)
    parcels = Fulfillment.objects.filter(at__lte=shop.now - timedelta(days=5)).values("order")
    chosen = fresh.filter(pk__in=parcels, customer__tax_id="").exclude(shipping_address__has_key="company")
    for order in chosen.select_related("customer").order_by("-fulfilled_at"):
        order.fulfillments.update(delivered_at=shop.now - timedelta(days=4, hours=5))
        yield order


def _customer(order: Order) -> Actor:
    return Actor(kind=ActorKind.CUSTOMER, label=str(order.customer), user_id=order.customer.user_id)


def _ask(shop: DemoShop, order: Order, reason: str, *, hours: int) -> Return:
    item = order.items.filter(fulfilled__gt=0).order_by("pk")[0]
    at = shop.now - timedelta(hours=hours)
    chosen = [(item.pk, item.fulfilled)]
    return ask_for_return(order_id=order.pk, items=chosen, reason=reason, by=_customer(order), at=at)


def _receive(shop: DemoShop, asked: Return) -> Return:
    by, at = shop.by("support"), asked.requested_at
    approve(return_id=asked.pk, answer="Use the box it came in.", by=by, at=at + timedelta(hours=3))
    (row,) = asked.items.all()
    came = [Received(item_id=row.item_id, quantity=row.quantity, condition="damaged")]
    return receive_return(return_id=asked.pk, received=came, complete=True, by=by, at=at + timedelta(hours=80))


def _close(shop: DemoShop, received: Return) -> None:
    at = shop.now - timedelta(hours=6)
    close_return(return_id=received.pk, refund=True, shipping=False, fees=(), by=shop.by("support"), at=at)
    if act := open_act(received.order):
        execute_act(act=act, at=at)


def _ask_to_cancel(shop: DemoShop) -> None:
    waiting = Order.objects.paid().filter(attention="", money_state="", created_at__lte=shop.now - timedelta(hours=2))
    order = waiting.select_related("customer").order_by("-pk")[0]
    ask_to_cancel(
        order_id=order.pk,
        reason="Takes too long",
        note="I found one in a shop nearby.",
        by=_customer(order),
        at=shop.now - timedelta(hours=1),
    )
