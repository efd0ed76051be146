"""Acts and events of orders."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Payment, Refund
from customers.actors import ByActor
from customers.mail.notify import notifies
from ecommerce.models import event_log
from ecommerce.models.order import Order
from ecommerce.models.returns import Return


class OrderAct(ByActor):
    """A payment, cancellation, return or partial refund of an order, from its request until Stripe's final result.

    The database allows one open act (`closed_at` is null) an order. `payment` or `refund` is the operation at Stripe.
    `lines` of a partial refund, of a cancellation of items, or of the return `order_return` are pairs of an item's id
    and a quantity; the return of a whole order has none, and gets its `order_return` once Stripe accepted the refund.
    """

    class Kind(models.TextChoices):
        PAY = "pay", _("Payment")
        CANCEL = "cancel", _("Cancellation")
        CANCEL_ITEMS = "cancel_items", _("Cancellation of items")
        RETURN = "return", _("Return")
        REFUND = "refund", _("Refund")

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    order = models.ForeignKey(Order, models.PROTECT, related_name="acts", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    order_return = models.ForeignKey(
        Return, models.PROTECT, null=True, blank=True, related_name="acts", db_index=False, verbose_name=_("return")
    )
    reason = models.TextField(_("reason"), blank=True)
    restock = models.BooleanField(_("put back in stock"), default=True)
    lines = models.JSONField(_("items"), default=list, blank=True)
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, blank=True, related_name="act")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, blank=True, related_name="act")
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    message = models.TextField(_("message"), blank=True)
    # A program's own key for a refund, with a hash of what it asked for: sent again, nothing is refunded again.
    request_key = models.CharField(max_length=255, null=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    # No person asked for it but those of bulk jobs: once they are all stopped, it is closed unless it was sent.
    of_jobs_only = models.BooleanField(default=False, db_default=False, editable=False)
    # Whether the customer gets a mail once it is done.
    notify = models.BooleanField(default=notifies, db_default=True, editable=False)

    class Meta:
        verbose_name = _("act")
        verbose_name_plural = _("acts")
        default_permissions = ()
        indexes = [models.Index(fields=["order_return"], condition=Q(order_return__isnull=False), name="act_of_return")]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(closed_at=None), name="act_one_open"),
            models.UniqueConstraint(
                fields=["order", "request_key"], condition=Q(request_key__isnull=False), name="act_requested_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, outcome="") | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="act_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def is_whole(self) -> bool:
        """Whether it cancels or returns the whole order, with all the money that is left."""
        return self.kind in STATUS_BEFORE and not self.lines


# The status an order must have when a full refund cancels or returns the whole of it.
STATUS_BEFORE: dict[str, Order.Status] = {
    OrderAct.Kind.CANCEL: Order.Status.PAID,
    OrderAct.Kind.RETURN: Order.Status.FULFILLED,
}


class OrderEventQuerySet(models.QuerySet["OrderEvent"]):
    """Events as they are written together."""

    def bulk_create(self, objs: Iterable["OrderEvent"], *args: Any, **options: Any) -> list["OrderEvent"]:
        """Insert events, with a line of the log for all of a kind."""
        events = super().bulk_create(objs, *args, **options)
        event_log.many_happened(events)
        return events


class OrderEvent(ByActor):
    """One entry in an order's history. A database trigger refuses to change or delete it.

    `ids` go to its line of the log alone: those of the payment or refund that it is about.
    """

    class Kind(models.TextChoices):
        CREATED = "created", _("Created")
        PAYMENT_REQUESTED = "payment_requested", _("Payment requested")
        AUTHENTICATION_REQUIRED = "authentication_required", _("Authentication required")
        PAYMENT_FAILED = "payment_failed", _("Payment failed")
        PRICE_CHANGED = "price_changed", _("Price changed")
        PAYMENT_ADOPTED = "payment_adopted", _("Late payment adopted")
        PAID = "paid", _("Paid")
        PARTLY_FULFILLED = "partly_fulfilled", _("Partly fulfilled")
        FULFILLED = "fulfilled", _("Fulfilled")
        FULFILLMENT_UNDONE = "fulfillment_undone", _("Fulfillment undone")
        TRACKING_CHANGED = "tracking_changed", _("Tracking corrected")
        DELIVERED = "delivered", _("Delivered")
        CANCEL_REQUESTED = "cancel_requested", _("Cancellation requested")
        CANCELED = "canceled", _("Canceled")
        ITEMS_CANCEL_REQUESTED = "items_cancel_requested", _("Cancellation of items requested")
        ITEMS_CANCELED = "items_canceled", _("Items canceled")
        CANCELLATION_ASKED = "cancellation_asked", _("The customer asked to cancel")
        CANCELLATION_DECLINED = "cancellation_declined", _("Cancellation declined")
        WITHDRAWN = "withdrawn", _("Withdrawn from the contract")
        RETURN_OPENED = "return_opened", _("Return opened")
        RETURN_APPROVED = "return_approved", _("Return approved")
        RETURN_DECLINED = "return_declined", _("Return declined")
        RETURN_CANCELED = "return_canceled", _("Return canceled")
        RETURN_RECEIVED = "return_received", _("Return received")
        RETURN_CLOSED = "return_closed", _("Return closed")
        RETURN_REQUESTED = "return_requested", _("Refund of a return requested")
        RETURNED = "returned", _("Returned")
        REFUND_REQUESTED = "refund_requested", _("Refund requested")
        AUTO_REFUND = "auto_refund", _("Automatic refund requested")
        REFUND_PENDING = "refund_pending", _("Refund pending")
        REFUNDED = "refunded", _("Refunded")
        REFUND_SUCCEEDED = "refund_succeeded", _("Refund succeeded")
        REFUND_FAILED = "refund_failed", _("Refund failed")
        REQUEST_STOPPED = "request_stopped", _("Request stopped")
        SENT_AGAIN = "sent_again", _("Sent again")
        SETTLED_OUTSIDE = "settled_outside", _("Settled outside Stripe")
        DISPUTED = "disputed", _("Disputed")
        DISPUTE_WON = "dispute_won", _("Dispute won")
        DISPUTE_LOST = "dispute_lost", _("Dispute lost")
        ADDRESS_CHANGED = "address_changed", _("Address corrected")
        NOTE_ADDED = "note_added", _("Note")
        MESSAGE_WRITTEN = "message_written", _("Message to the customer")
        TAGS_CHANGED = "tags_changed", _("Tags changed")
        HELD = "held", _("Put on hold")
        RELEASED = "released", _("Released")
        ASSIGNED = "assigned", _("Assigned")
        PAYMENT_LINK_CREATED = "payment_link_created", _("Payment link made")
        PAYMENT_LINK_REVOKED = "payment_link_revoked", _("Payment link revoked")

    order = models.ForeignKey(Order, models.PROTECT, related_name="events", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    at = models.DateTimeField(_("at"), default=timezone.now)
    data = models.JSONField(_("data"), default=dict, blank=True)
    ids: Mapping[str, Any] = {}

    objects = OrderEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the event; raise TypeError on a second save, since history is not changed."""
        if not self._state.adding:
            raise TypeError("History is not changed.")
        super().save(*args, **kwargs)
        event_log.happened(self)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError: history is not deleted."""
        raise TypeError("History is not deleted.")
