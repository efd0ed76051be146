"""Returns of orders: what comes back, and what became of it."""

from django.db import models
from django.db.models import F, Func, Q, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order
from ecommerce.models.order_item import OrderItem

NEXT_NUMBER = Concat(
    Value("RMA-"), Cast(Func(Value("ecommerce_return_number"), function="nextval"), models.CharField(max_length=20))
)


class Return(ByActor):
    """Goods that come back, from the request until the refund; `by` asked for it or opened it.

    `answer` is the sentence that the customer reads. `closed_at` is when it was closed, declined or canceled.
    `is_withdrawal` is a consumer's withdrawal from the contract, which needs no reason and bears no fees.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        APPROVED = "approved", _("Approved")
        RECEIVED = "received", _("Received")
        CLOSED = "closed", _("Closed")
        DECLINED = "declined", _("Declined")
        CANCELED = "canceled", _("Canceled")

    number = models.CharField(_("number"), max_length=30, unique=True, db_default=NEXT_NUMBER, editable=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="returns", verbose_name=_("order"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    note = models.TextField(_("note"), blank=True)
    answer = models.TextField(_("answer to the customer"), blank=True)
    is_withdrawal = models.BooleanField(_("withdrawal from the contract"), default=False)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        default_permissions = ("view",)
        permissions = [("handle_return", _("Can approve, receive and close returns"))]
        indexes = [models.Index(fields=["status", "id"], name="return_status")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=("requested", "approved", "received"), closed_at=None)
                | Q(status__in=("closed", "declined", "canceled"), closed_at__isnull=False),
                name="return_closed",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("received", "closed")) | Q(received_at__isnull=False), name="return_received"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def units_received(self) -> dict[int, int]:
        """How many units have arrived, in whatever condition, by item id."""
        arrived = self.items.filter(received__gt=0).order_by("item").values_list("item")
        return dict(arrived.annotate(units=Sum("received")).values_list("item", "units"))

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done with it."""
        return self.closed_at is None

    @property
    def is_refunding(self) -> bool:
        """Whether it was closed with a refund that Stripe has not answered yet."""
        # In Python, so that a page that has prefetched the acts makes no query.
        return any(act.closed_at is None for act in self.acts.all())


class ReturnItem(models.Model):
    """So many units of an item in a return, and how many arrived in which condition; the condition is empty until then.

    Units that arrive in two conditions have a row each, and so have those that go back in stock and those that don't.
    A trigger adds up `received` in `OrderItem.returned`.
    """

    class Condition(models.TextChoices):
        RESELLABLE = "resellable", _("Resellable")
        DAMAGED = "damaged", _("Damaged")
        MISSING = "missing", _("Missing")

    order_return = models.ForeignKey(Return, models.PROTECT, related_name="items", verbose_name=_("return"))
    item = models.ForeignKey(OrderItem, models.PROTECT, related_name="return_items", verbose_name=_("item"))
    quantity = models.PositiveIntegerField(_("quantity"))
    received = models.PositiveIntegerField(_("received"), default=0)
    condition = models.CharField(_("condition"), max_length=10, choices=Condition, blank=True)
    restock = models.BooleanField(_("put back in stock"), default=False)

    class Meta:
        verbose_name = _("item of a return")
        verbose_name_plural = _("items of returns")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["order_return", "item", "condition", "restock"], name="return_item_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="return_item_quantity"),
            models.CheckConstraint(condition=Q(received__lte=F("quantity")), name="return_item_received"),
            models.CheckConstraint(
                condition=Q(received=0) | Q(condition__in=("resellable", "damaged")), name="return_item_condition"
            ),
            models.CheckConstraint(condition=Q(restock=False) | Q(condition="resellable"), name="return_item_restock"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id}"
