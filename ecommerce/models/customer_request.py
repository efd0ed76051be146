"""What customers ask for and staff decide on: cancellations, and withdrawals that could not be carried out at once."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order
from ecommerce.models.returns import Return

# Directive 2011/83/EU, article 13: the money goes back within 14 days.
REFUND_WITHIN = timedelta(days=14)


class CustomerRequest(ByActor):
    """A customer's wish to cancel an order, or a withdrawal from the contract; `by` asked.

    A requested return is a `Return`. `items` are pairs of an item's id and a quantity, empty for the whole order.
    `answer` is the sentence that the customer reads. Of a withdrawal, `order_return` is how the goods come back.
    """

    class Kind(models.TextChoices):
        CANCELLATION = "cancellation", _("Cancellation")
        WITHDRAWAL = "withdrawal", _("Withdrawal")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        DECLINED = "declined", _("Declined")

    order = models.ForeignKey(Order, models.PROTECT, related_name="customer_requests", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    items = models.JSONField(_("items"), default=list, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    note = models.TextField(_("note"), blank=True)
    answer = models.TextField(_("answer to the customer"), blank=True)
    obstacle = models.TextField(_("why it was not carried out at once"), blank=True)
    order_return = models.ForeignKey(
        Return, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("return")
    )
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("request of a customer")
        verbose_name_plural = _("requests of customers")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["id"], condition=Q(status="open"), name="customer_request_open")]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(kind="cancellation", status="open"), name="cancellation_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None) | (~Q(status="open") & Q(decided_at__isnull=False)),
                name="customer_request_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide."""
        return self.decided_at is None


def refund_deadline(withdrawn_at: datetime) -> datetime:
    """Return until when a withdrawal is to be refunded."""
    return withdrawn_at + REFUND_WITHIN
