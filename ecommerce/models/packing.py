"""Packing: an order whose items are being scanned into a parcel."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order


class Packing(ByActor):
    """Who packs an order now, and what was scanned; it ends with the parcel.

    `counts` has units by item id. While there is an `alarm`, a sentence, nothing more is counted.
    """

    # No foreign key constraint, which would lock both tables.
    order = models.OneToOneField(Order, models.CASCADE, related_name="packing", db_constraint=False)
    counts = models.JSONField(default=dict)
    alarm = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(_("started"), db_default=Now())

    class Meta:
        verbose_name = _("packing")
        verbose_name_plural = _("packings")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.order_id)
