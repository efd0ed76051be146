"""Record when a parcel was delivered: the times for returning and withdrawing count from then."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, Order, OrderEvent
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record


def record_delivery(*, order_id: int, parcel_id: int, delivered_at: datetime, by: Actor, at: datetime) -> Order:
    """Write when a parcel of an order was delivered, or correct it; raise OrderError. The same time changes nothing."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        parcel = Fulfillment.objects.select_for_update().filter(order=order, pk=parcel_id, voided_at=None).first()
        if parcel is None:
            raise OrderError("unknown_parcel", _("There is no such parcel of this order, or it was voided meanwhile."))
        if not parcel.at <= delivered_at <= at:
            sentence = _("A parcel is delivered after it was sent, and not in the future.")
            raise OrderError("invalid_time", sentence, field="delivered_at")
        if parcel.delivered_at != delivered_at:
            parcel.delivered_at = delivered_at
            parcel.save(update_fields=["delivered_at"])
            words = {"new": f"{delivered_at:%Y-%m-%d %H:%M %Z}", "tracking_number": parcel.tracking_number}
            record(order, OrderEvent.Kind.DELIVERED, by=by, at=at, **words, fulfillments=[parcel.pk])
    return order
