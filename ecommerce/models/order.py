"""Orders, their items, and their search vectors."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from billing.models import Invoice
from billing.models.invoice import adds_up
from billing.money import format_money, supported
from customers.models import Address, Customer
from ecommerce.models.catalogue import Coupon
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.models.order_status import ConcurrentMixin, StatusDescriptor
from ecommerce.models.printout import Printout

NEXT_NUMBER = Cast(Func(Value("ecommerce_order_number"), function="nextval"), models.CharField(max_length=20))
HOLD = ("on_hold", "hold_reason", "hold_until", "held_for_review")
TIMES = ("paid_at", "fulfilled_at", "canceled_at", "returned_at")


def times(**is_set: bool | None) -> Q:
    """Match which of the four times are set; None is either, and what is not named is null."""
    return Q(**{f"{name}__isnull": not is_set.get(name) for name in TIMES if is_set.get(name, False) is not None})


class Order(ConcurrentMixin, models.Model):
    """An order of a customer. Amounts are in the currency's minor unit.

    `status` is what Stripe has confirmed, and changes by transitions alone. `money_state` is what is in flight, or
    failed, with the order's money; `attention` what a user must do about it. `held_at` is when stock and coupon were
    reserved. `summary` and `sku_codes` repeat the items, which never change once placed.
    """

    class Status(models.TextChoices):
        CREATED = "created", _("Created")
        PAID = "paid", _("Paid")
        FULFILLED = "fulfilled", _("Fulfilled")
        CANCELED = "canceled", _("Canceled")
        RETURNED = "returned", _("Returned")

    class MoneyState(models.TextChoices):
        PAYMENT_FAILED = "payment_failed", _("Payment failed")
        PAYMENT_PROCESSING = "payment_processing", _("Payment being confirmed")
        AUTHENTICATION_REQUIRED = "authentication_required", _("Authentication required")
        REFUND_IN_PROGRESS = "refund_in_progress", _("Refund in progress")
        REFUND_PENDING = "refund_pending", _("Refund pending")
        REFUND_FAILED = "refund_failed", _("Refund failed")
        DISPUTED = "disputed", _("Disputed")

    class FulfillmentState(models.TextChoices):
        PARTIAL = "partial", _("Partly fulfilled")

    class PlacedVia(models.TextChoices):
        STAFF = "staff", _("Staff")
        WEBSITE = "website", _("Website")
        API = "api", _("API")

    number = models.CharField(_("number"), max_length=20, unique=True, db_default=NEXT_NUMBER, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders", verbose_name=_("customer"))
    status = FSMField(_("status"), max_length=10, choices=Status.choices, default=Status.CREATED, protected=True)
    status.descriptor_class = StatusDescriptor
    money_state = models.CharField(_("money"), max_length=25, choices=MoneyState, blank=True)
    attention = models.TextField(_("needs attention"), blank=True)
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    subtotal = models.PositiveBigIntegerField(_("subtotal"))
    discount = models.PositiveBigIntegerField(_("discount"), default=0)
    shipping = models.PositiveBigIntegerField(_("shipping"), default=0)
    tax = models.PositiveBigIntegerField(_("tax"), default=0)
    prices_include_tax = models.BooleanField(_("prices include tax"), default=False, db_default=False)
    shipping_tax = models.PositiveBigIntegerField(_("tax on shipping"), default=0, db_default=0)
    # Of Stripe Tax, where it computed the taxes: a sale is recorded there once it is paid.
    tax_calculation_id = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    # The cheapest price that was offered: a withdrawal from the contract refunds no more of the shipping.
    shipping_cheapest = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    shipping_name = models.CharField(_("shipping method"), max_length=100, blank=True, default="", db_default="")
    manual_discount = models.PositiveBigIntegerField(_("discount by hand"), default=0, db_default=0)
    discount_reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")
    total = models.PositiveBigIntegerField(_("total"))
    amount_refunded = models.PositiveBigIntegerField(_("refunded"), default=0)
    fees_kept = models.PositiveBigIntegerField(_("fees kept"), default=0, db_default=0, editable=False)
    coupon = models.ForeignKey(Coupon, models.PROTECT, null=True, blank=True, verbose_name=_("coupon"))
    address = models.ForeignKey(Address, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+")
    shipping_address = models.JSONField(_("shipping address"), null=True, blank=True)
    placed_via = models.CharField(_("placed via"), max_length=10, choices=PlacedVia)
    placed_by = models.CharField(max_length=60, editable=False)
    placement_key = models.CharField(max_length=255, null=True, editable=False)
    placement_hash = models.CharField(max_length=64, blank=True, editable=False)
    summary = models.CharField(_("items"), max_length=400, editable=False)
    sku_codes = models.TextField(editable=False)
    held_at = models.DateTimeField(_("stock and coupon held since"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True, editable=False)
    fulfilled_at = models.DateTimeField(_("fulfilled"), null=True, blank=True, editable=False)
    canceled_at = models.DateTimeField(_("canceled"), null=True, blank=True, editable=False)
    returned_at = models.DateTimeField(_("returned"), null=True, blank=True, editable=False)
    # Of a paid order, some of whose items have left.
    fulfillment_state = models.CharField(
        _("fulfillment"), max_length=10, choices=FulfillmentState, blank=True, default="", db_default="", editable=False
    )
    on_hold = models.BooleanField(_("on hold"), default=False, db_default=False, editable=False)
    hold_reason = models.CharField(_("reason of the hold"), max_length=200, blank=True, default="", db_default="")
    hold_until = models.DateTimeField(_("on hold until"), null=True, blank=True)
    # On hold because Stripe reviews its payment, and not because a user said so.
    held_for_review = models.BooleanField(default=False, db_default=False, editable=False)
    # No foreign key constraint, which would lock both tables; should a user be deleted, nobody is assigned.
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("assigned to"),
    )
    # The latest one; no foreign key constraint, which would lock both tables.
    printout = models.ForeignKey(
        Printout,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("printed"),
    )
    invoice = models.OneToOneField(
        Invoice, models.PROTECT, null=True, blank=True, related_name="order", editable=False, verbose_name=_("invoice")
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = [
            ("fulfill_order", _("Can fulfill orders")),
            ("fulfill_attention_order", _("Can fulfill orders that need attention")),
            ("undo_fulfillment", _("Can undo fulfillments")),
            ("cancel_order", _("Can cancel orders")),
            ("return_order", _("Can return orders")),
            ("export_order", _("Can export orders")),
            ("discount_order", _("Can give discounts by hand")),
            ("override_shipping", _("Can change the price of shipping")),
            ("correct_address", _("Can correct the address of placed orders")),
            ("hold_order", _("Can put orders on hold and release them")),
            ("organize_order", _("Can write notes, set tags and assign orders")),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="order_status"),
            models.Index(fields=["money_state", "id"], condition=~Q(money_state=""), name="order_money_state"),
            models.Index(fields=["id"], condition=~Q(attention=""), name="order_attention"),
            models.Index(fields=["id"], condition=~Q(fulfillment_state=""), name="order_partly_fulfilled"),
            models.Index(fields=["id"], condition=Q(on_hold=True), name="order_on_hold"),
            models.Index(fields=["assignee", "id"], condition=Q(assignee__isnull=False), name="order_assignee"),
            models.Index(fields=["created_at"], name="order_created"),
            models.Index(fields=["total"], name="order_total"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["placed_by", "placement_key"], name="order_placed_once"),
            models.CheckConstraint(condition=adds_up(), name="order_adds_up"),
            models.CheckConstraint(condition=Q(discount__lte=F("subtotal")), name="order_discount"),
            models.CheckConstraint(condition=Q(manual_discount__lte=F("discount")), name="order_manual_discount"),
            models.CheckConstraint(condition=Q(shipping_tax__lte=F("tax")), name="order_shipping_tax"),
            models.CheckConstraint(
                condition=Q(amount_refunded__lte=F("total") - F("fees_kept")), name="order_refunded"
            ),
            models.CheckConstraint(
                condition=(Q(status="created") & times())
                | (Q(status="paid") & times(paid_at=True))
                | (Q(status="fulfilled") & times(paid_at=True, fulfilled_at=True))
                | (Q(status="canceled") & times(paid_at=None, canceled_at=True))
                | (Q(status="returned") & times(paid_at=True, fulfilled_at=True, returned_at=True)),
                name="order_status_times",
            ),
            models.CheckConstraint(
                condition=Q(fulfillment_state="") | Q(status="paid", fulfillment_state="partial"),
                name="order_partly_fulfilled_is_paid",
            ),
            models.CheckConstraint(
                condition=Q(on_hold=True) | Q(hold_reason="", hold_until=None), name="order_hold_reason"
            ),
            models.CheckConstraint(condition=Q(on_hold=True) | Q(held_for_review=False), name="order_held_for_review"),
        ]

    def __str__(self) -> str:
        return self.number

    is_refreshing = False

    def refresh_from_db(self, *args: Any, **options: Any) -> None:
        """Reload; while it lasts, django-fsm lets the protected status be written."""
        self.is_refreshing = True
        try:
            super().refresh_from_db(*args, **options)
        finally:
            self.is_refreshing = False

    @property
    def total_money(self) -> str:
        """The total with its currency, as users read it."""
        return format_money(self.total, self.currency)

    @property
    def is_wholly_refunded(self) -> bool:
        """Whether all that was paid was refunded, or kept of refunds as fees."""
        return bool(self.total) and self.amount_refunded + self.fees_kept >= self.total

    @property
    def waits_for_stripe(self) -> bool:
        """Whether a payment or refund has no final result yet."""
        return self.money_state in {
            self.MoneyState.PAYMENT_PROCESSING,
            self.MoneyState.AUTHENTICATION_REQUIRED,
            self.MoneyState.REFUND_IN_PROGRESS,
            self.MoneyState.REFUND_PENDING,
        }

    @property
    def was_paid(self) -> bool:
        """Whether it has ever been paid, also if it was canceled or returned since."""
        return self.paid_at is not None

    @property
    def state_fields(self) -> "tuple[models.Field[Any, Any], ...]":
        """The FSM fields that ConcurrentTransitionMixin compares when saving."""
        # django-fsm looks through all fields for those of state, which took half the time of a bulk job.
        return (Order.status.field,)

    @transition(field=status, source=Status.CREATED, target=Status.PAID)
    def pay(self, *, at: datetime) -> None:
        """Created to paid; its payment succeeded, or there was nothing to pay."""
        self.paid_at = at

    @transition(field=status, source=Status.PAID, target=Status.FULFILLED)
    def fulfill(self, *, at: datetime) -> None:
        """Paid to fulfilled: nothing is left to send."""
        self.fulfilled_at = at
        self.fulfillment_state = ""
        self._end_hold()

    @transition(field=status, source=Status.FULFILLED, target=Status.PAID)
    def undo_fulfillment(self) -> None:
        """Fulfilled back to paid: what was recorded as sent has not left."""
        self.fulfilled_at = None

    @transition(field=status, source=[Status.CREATED, Status.PAID], target=Status.CANCELED)
    def cancel(self, *, at: datetime) -> None:
        """Created or paid to canceled; a paid one only once its refund was accepted."""
        self.canceled_at = at
        self._end_hold()

    @transition(field=status, source=Status.FULFILLED, target=Status.RETURNED)
    def return_order(self, *, at: datetime) -> None:
        """Fulfilled to returned, once its refund was accepted."""
        self.returned_at = at

    def _end_hold(self) -> None:
        # Nothing is left to be sent.
        self.on_hold, self.hold_reason, self.hold_until, self.held_for_review = False, "", None, False


class OrderWords(models.Model):
    """The search vector of an order: number, customer's e-mail and name, SKUs, products, recipient and place.

    A table of its own, written by triggers alone, so that changing an order's status does not touch the index.
    """

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="+")
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="order_words")]
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.order_id)
