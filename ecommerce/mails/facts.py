"""What mails about an order have in common: its names for texts, its table of lines and sums, where it goes."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.money import format_money
from billing.sums import sum_rows, tax_totals
from customers.mail import layout
from customers.postal_addresses import address_lines
from ecommerce.mails.letters import Button, Listing, Row, Section, Table
from ecommerce.mails.times import day, locale
from ecommerce.models import Order, OrderItem, TaxLine


def read_order(order_id: int) -> Order:
    items = Prefetch("items", OrderItem.objects.order_by("pk"))
    taxes = Prefetch("tax_lines", TaxLine.objects.order_by("pk"))
    orders = Order.objects.select_related("customer__user", "invoice", "coupon")
    return orders.prefetch_related(items, taxes).get(pk=order_id)


def names(order: Order) -> dict[str, str | tuple[str, ...]]:
    """The placeholders of every kind."""
    # On one line: what stands on a line of its own may become a link, and anybody may write a name.
    name = " ".join(order.customer.name.split())
    return {
        "greeting": _("Dear %(name)s,") % {"name": name} if name else _("Hello,"),
        "name": name,
        "shop": layout.sender().name,
        "order_number": order.number,
        "order_date": day(order.customer, order.created_at),
        "total": money(order.total, order.currency),
        "items": tuple(in_units(item, item.quantity) for item in order.items.all()),
        "order_link": order_link(order),
    }


def money(amount: int, currency: str) -> str:
    return format_money(amount, currency, locale())


def in_units(item: OrderItem, quantity: int) -> str:
    return f"{quantity} x {item.description}"


def order_link(order: Order) -> str:
    """Return the customer's page of the order; "" for those without an account, who can't open it."""
    return settings.BASE_URL + reverse("shop:order", args=[order.number]) if order.customer.user_id else ""


def order_button(order: Order) -> list[Section]:
    link = order_link(order)
    return [Button(label=_("See your order"), url=link)] if link else []


def bought(order: Order) -> Table:
    """The lines and sums of an order, as its invoice has them."""
    coupon = order.coupon.code if order.coupon else ""
    sums = sum_rows(order, tax_totals(order.tax_lines.all()), coupon_code=coupon)
    return Table(
        title=_("Order %(number)s") % {"number": order.number},
        rows=[
            Row(
                label=in_units(item, item.quantity),
                amount=money(item.amount, order.currency),
                detail=_("%(price)s each") % {"price": money(item.unit_price, order.currency)}
                if item.quantity > 1
                else "",
            )
            for item in order.items.all()
        ],
        sums=[Row(label=row.label, amount=money(row.amount, order.currency), is_total=row.is_total) for row in sums],
    )


def goes_to(order: Order) -> list[Section]:
    if not order.shipping_address:
        return []
    return [Listing(title=_("Goes to"), lines=address_lines(order.shipping_address))]


def listing(title: str, lines: Iterable[str]) -> list[Section]:
    found = tuple(lines)
    return [Listing(title=title, lines=found)] if found else []
