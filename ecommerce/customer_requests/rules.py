"""Until when, and of what, a return or a withdrawal is possible: warnings to staff, rules for customers."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ecommerce.models import Fulfillment, Order, OrderItem, ShopSettings
from ecommerce.orders.errors import OrderError

# Directive 2011/83/EU, article 9.
WITHDRAWAL_DAYS = 14


def return_objections(order: Order, items: Sequence[OrderItem], *, at: datetime) -> Iterator[OrderError]:
    """Say what is against returning these items: the shop's return window, and final sales."""
    end = return_window_end(order)
    if end and at > end:
        sentence = _("The time for returning order %(number)s ended on %(day)s.")
        day = f"{timezone.localtime(end) - timedelta(days=1):%Y-%m-%d}"
        yield OrderError("return_window_over", sentence % {"number": order.number, "day": day})
    for item in items:
        if item.final_sale:
            sentence = _("%(item)s was sold as a final sale and can't be returned.")
            yield OrderError("final_sale", sentence % {"item": item.description}, field="items")


def return_window_end(order: Order) -> datetime | None:
    """Return the moment from which customers can't ask for a return; None where there is no end.

    It counts from delivery, or from sending where delivery is not known.
    """
    days = ShopSettings.objects.values_list("return_days", flat=True).first()
    last = max((parcel.delivered_at or parcel.at for parcel in _parcels(order)), default=None)
    return None if days is None or last is None else end_of_days(last, days)


def withdrawal_end(order: Order) -> datetime | None:
    """Return the moment from which a consumer can't withdraw; None while that is not known: it is open.

    Fourteen days after the last parcel was delivered; of an order that nothing is shipped of, after it was placed.
    """
    items = list(order.items.all())
    shipped = [item for item in items if item.shippable]
    if not shipped:
        return end_of_days(order.created_at, WITHDRAWAL_DAYS)
    delivered = [parcel.delivered_at for parcel in _parcels(order)]
    if not delivered or None in delivered or any(item.left for item in shipped):
        return None
    return end_of_days(max(filter(None, delivered)), WITHDRAWAL_DAYS)


def end_of_days(start: datetime, days: int) -> datetime:
    """Return the end of the last of so many days, in the shop's zone; the first day is not counted."""
    zone = timezone.get_default_timezone()
    midnight = timezone.localtime(start, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return timezone.make_aware(midnight + timedelta(days=days + 1), zone)


def is_business(order: Order) -> bool:
    """Whether a business bought it, which has no right to withdraw."""
    return bool(order.customer.tax_id or (order.shipping_address or {}).get("company"))


def _parcels(order: Order) -> list[Fulfillment]:
    return [parcel for parcel in order.fulfillments.all() if parcel.voided_at is None]
