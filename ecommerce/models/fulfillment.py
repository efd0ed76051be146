"""Parcels of orders, and what is in each."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from customers.search import Code
from ecommerce.models.order import Order
from ecommerce.models.order_item import OrderItem


class Fulfillment(ByActor):
    """A parcel of an order. One that was voided was never sent: its items count as unsent again.

    `further_tracking_numbers` are those of a parcel that the carrier split.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="fulfillments", verbose_name=_("order"))
    carrier = models.CharField(_("carrier"), max_length=100, blank=True)
    tracking_number = models.CharField(_("tracking number"), max_length=100, blank=True)
    further_tracking_numbers = ArrayField(
        models.CharField(max_length=100),
        verbose_name=_("further tracking numbers"),
        default=list,
        db_default=[],
        blank=True,
    )
    at = models.DateTimeField(_("at"), default=timezone.now)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True, editable=False)
    voided_by = models.CharField(_("voided by"), max_length=200, blank=True, default="", db_default="", editable=False)
    void_reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="", editable=False)

    class Meta:
        verbose_name = _("fulfillment")
        verbose_name_plural = _("fulfillments")
        indexes = [
            models.Index(
                OpClass(Code("tracking_number"), name="text_pattern_ops"),
                condition=~Q(tracking_number=""),
                name="fulfillment_tracking",
            ),
            GinIndex(
                fields=["further_tracking_numbers"],
                condition=~Q(further_tracking_numbers=[]),
                name="fulfillment_further_numbers",
            ),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.carrier} {self.tracking_number}".strip() or str(self.at)

    @property
    def tracking_numbers(self) -> list[str]:
        """All numbers of the parcel, the first one first."""
        return [number for number in (self.tracking_number, *self.further_tracking_numbers) if number]


class FulfillmentItem(models.Model):
    """So many units of an item in a parcel. A trigger adds them up in `OrderItem.fulfilled`."""

    fulfillment = models.ForeignKey(Fulfillment, models.PROTECT, related_name="items")
    # No foreign key constraint: the trigger proves that the item is of the parcel's order.
    item = models.ForeignKey(OrderItem, models.DO_NOTHING, related_name="fulfillment_items", db_constraint=False)
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("item of a fulfillment")
        verbose_name_plural = _("items of fulfillments")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["fulfillment", "item"], name="fulfillment_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="fulfillment_item_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id}"
