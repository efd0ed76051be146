"""The returns of an order, and what its customer asks for, as its page shows them."""

from dataclasses import dataclass

from django.urls import reverse

from backoffice.badges import tone
from ecommerce.admin.display import Badge
from ecommerce.models import Order


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A return, with what is in it."""

    number: str
    url: str
    status: Badge
    content: str


def returns_of(order: Order) -> list[ReturnRow]:
    """Of an order that has sent something: no other has any."""
    if order.status not in {Order.Status.FULFILLED, Order.Status.RETURNED} and not order.fulfillment_state:
        return []
    return [
        ReturnRow(
            number=each.number,
            url=reverse("admin:ecommerce_return_change", args=[each.pk]),
            status=Badge(each.get_status_display(), tone(each.status)),
            content=", ".join(f"{row.quantity} x {row.item.description}" for row in each.items.all()),
        )
        for each in order.returns.prefetch_related("items__item").order_by("pk")
    ]


def requests_link(order: Order) -> str:
    """Link to what the customer waits for an answer to, which is always in the attention."""
    if not order.attention or not order.customer_requests.filter(status="open").exists():
        return ""
    return f"{reverse('admin:ecommerce_customerrequest_changelist')}?order={order.pk}"
