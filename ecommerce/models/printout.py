"""Printouts: packing slips and a pick list of some orders."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor


class Printout(ByActor):
    """What somebody printed at once. Each order knows its latest one, `Order.printout`."""

    at = models.DateTimeField(_("printed"), db_default=Now(), db_index=True)
    order_ids = ArrayField(models.BigIntegerField())
    # Of the orders' events: later ones may have made a slip wrong.
    last_event_id = models.BigIntegerField(default=0)
    prices = models.BooleanField(_("with prices"), default=False)

    class Meta:
        verbose_name = _("printout")
        verbose_name_plural = _("printouts")
        default_permissions = ()

    def __str__(self) -> str:
        return str(_("Printout %(id)s") % {"id": self.pk})
