"""Invoices, their lines, and the credit notes of refunds."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.models.seller import SellerVersion
from billing.money import format_money, supported
from customers.models import Customer


class Counter(models.Model):
    """The last number issued under a name. Locked last in a transaction, so that numbers have no gaps."""

    name = models.CharField(max_length=20, primary_key=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


def adds_up() -> Q:
    """Match rows whose total is what their other sums come to."""
    net = F("subtotal") - F("discount") + F("shipping")
    return Q(prices_include_tax=False, total=net + F("tax")) | Q(prices_include_tax=True, total=net)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Row locks for invoices."""

    def locked(self) -> Self:
        """Lock the rows once evaluated, in the order of their primary keys."""
        return self.order_by("pk").select_for_update(of=("self",))


class Invoice(models.Model):
    """What a customer owes or paid for one order, frozen when issued. Amounts are in the currency's minor unit.

    `reference` is the order's number; `bill_to` holds name, e-mail and address, `ship_to` the address where goods were
    sent. `seller` is empty while nobody has filled that in. `exchange_rate` is what one unit of `currency` was worth in
    `seller_currency`, where that is another one. `discount` includes what was given by hand, `manual_discount`, with
    its reason. `tax` is all of it, `shipping_tax` that of the shipping alone. `shipping_refunded` is how much of the
    shipping's price without taxes was given back.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        VOID = "void", _("Void")
        UNCOLLECTIBLE = "uncollectible", _("Uncollectible")

    number = models.CharField(_("number"), max_length=20, unique=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices", verbose_name=_("customer"))
    reference = models.CharField(_("order"), max_length=20, db_index=True)
    status = models.CharField(_("status"), max_length=15, choices=Status, default=Status.OPEN)
    billing_reason = models.CharField(_("billing reason"), max_length=20, default="order")
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    subtotal = models.PositiveBigIntegerField(_("subtotal"))
    discount = models.PositiveBigIntegerField(_("discount"), default=0)
    shipping = models.PositiveBigIntegerField(_("shipping"), default=0)
    tax = models.PositiveBigIntegerField(_("tax"), default=0)
    prices_include_tax = models.BooleanField(_("prices include tax"), default=False, db_default=False)
    shipping_tax = models.PositiveBigIntegerField(_("tax on shipping"), default=0, db_default=0)
    shipping_name = models.CharField(_("shipping method"), max_length=100, blank=True, default="", db_default="")
    shipping_refunded = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    manual_discount = models.PositiveBigIntegerField(_("discount by hand"), default=0, db_default=0)
    discount_reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")
    coupon_code = models.CharField(_("coupon"), max_length=50, blank=True, default="", db_default="")
    total = models.PositiveBigIntegerField(_("total"))
    amount_paid = models.PositiveBigIntegerField(_("amount paid"), default=0)
    amount_refunded = models.PositiveBigIntegerField(_("amount refunded"), default=0)
    bill_to = models.JSONField(_("bill to"))
    ship_to = models.JSONField(_("ship to"), null=True, blank=True)
    # No constraint: versions are never deleted, and validating it would lock a big table.
    seller = models.ForeignKey(
        SellerVersion, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    seller_currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    exchange_rate = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    exchange_rate_source = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_test = models.BooleanField(default=False, db_default=False)
    issued_at = models.DateTimeField(_("issued"), db_default=Now())
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        indexes = [
            models.Index(fields=["customer", "-id"], name="invoice_customer"),
            models.Index(fields=["status", "id"], condition=~Q(status="paid"), name="invoice_not_paid"),
            models.Index(fields=["paid_at"], include=["currency", "amount_paid"], name="invoice_revenue"),
        ]
        constraints = [
            models.CheckConstraint(condition=adds_up(), name="invoice_adds_up"),
            models.CheckConstraint(condition=Q(discount__lte=F("subtotal")), name="invoice_discount"),
            models.CheckConstraint(condition=Q(manual_discount__lte=F("discount")), name="invoice_manual_discount"),
            models.CheckConstraint(condition=Q(shipping_tax__lte=F("tax")), name="invoice_shipping_tax"),
            # A cell gives back at most what it holds, whatever happens at the same time.
            models.CheckConstraint(
                condition=Q(prices_include_tax=False, shipping_refunded__lte=F("shipping"))
                | Q(prices_include_tax=True, shipping_refunded__lte=F("shipping") - F("shipping_tax")),
                name="invoice_shipping_refunded",
            ),
            models.CheckConstraint(
                condition=Q(status="paid", paid_at__isnull=False, amount_paid=F("total"))
                | (~Q(status="paid") & Q(paid_at=None, amount_paid=0)),
                name="invoice_paid",
            ),
            models.CheckConstraint(condition=Q(amount_refunded__lte=F("amount_paid")), name="invoice_refunded"),
            models.CheckConstraint(
                condition=Q(status="void", voided_at__isnull=False) | (~Q(status="void") & Q(voided_at=None)),
                name="invoice_void",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def total_money(self) -> str:
        """The total with its currency, as users read it."""
        return format_money(self.total, self.currency)

    @property
    def shipping_net(self) -> int:
        """The price of shipping without taxes, in the minor unit."""
        return self.shipping - (self.shipping_tax if self.prices_include_tax else 0)


class InvoiceLine(models.Model):
    """A line of an order as it was when invoiced; amounts in the minor unit.

    `amount` is before discount. `refunded`, of the price without taxes, and `refunded_quantity` are kept by a trigger.
    """

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    sku_code = models.CharField(_("SKU"), max_length=100)
    description = models.CharField(_("description"), max_length=300)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.PositiveBigIntegerField(_("unit price"))
    amount = models.PositiveBigIntegerField(_("amount"))
    discount = models.PositiveBigIntegerField(_("discount"), default=0, db_default=0)
    manual_discount = models.PositiveBigIntegerField(_("discount by hand"), default=0, db_default=0)
    tax = models.PositiveBigIntegerField(_("tax"), default=0, db_default=0)
    prices_include_tax = models.BooleanField(default=False, db_default=False)
    refunded = models.PositiveBigIntegerField(_("refunded"), default=0, db_default=0, editable=False)
    refunded_quantity = models.PositiveIntegerField(_("quantity refunded"), default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        constraints = [
            models.CheckConstraint(condition=Q(amount=F("unit_price") * F("quantity")), name="invoice_line_amount"),
            models.CheckConstraint(
                condition=Q(discount__lte=F("amount"), manual_discount__lte=F("discount")), name="invoice_line_discount"
            ),
            models.CheckConstraint(
                condition=Q(prices_include_tax=False, refunded__lte=F("amount") - F("discount"))
                | Q(prices_include_tax=True, refunded__lte=F("amount") - F("discount") - F("tax")),
                name="invoice_line_refunded",
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__lte=F("quantity")), name="invoice_line_refunded_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.description}"

    @property
    def net(self) -> int:
        """The price after discount and without taxes, in the minor unit."""
        return self.amount - self.discount - (self.tax if self.prices_include_tax else 0)


class InvoiceTax(models.Model):
    """One tax on a line of an invoice, or on its shipping where `line` is empty; amounts in the minor unit.

    `rate` is in percent; `category` and `reason` are those of EN 16931. `refunded` is kept by a trigger.
    """

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="taxes")
    line = models.ForeignKey(InvoiceLine, models.CASCADE, null=True, related_name="taxes", db_index=False)
    country = models.CharField(_("country"), max_length=2, blank=True)
    region = models.CharField(_("region"), max_length=50, blank=True)
    name = models.CharField(_("name"), max_length=100)
    rate = models.DecimalField(_("rate"), max_digits=7, decimal_places=4)
    category = models.CharField(_("category"), max_length=2)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    taxable = models.PositiveBigIntegerField(_("taxable amount"))
    amount = models.PositiveBigIntegerField(_("tax"))
    refunded = models.PositiveBigIntegerField(_("refunded"), default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("tax of an invoice")
        verbose_name_plural = _("taxes of invoices")
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(refunded__lte=F("amount")), name="invoice_tax_refunded")]

    def __str__(self) -> str:
        return f"{self.name} {self.rate.normalize():f} %"


class CreditNote(models.Model):
    """What a refund takes off an invoice; voided if Stripe reports the refund as failed later."""

    number = models.CharField(_("number"), max_length=20, unique=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes", verbose_name=_("invoice"))
    refund = models.OneToOneField("billing.Refund", models.PROTECT, related_name="credit_note")
    # No constraint: versions are never deleted, and validating it would lock a big table.
    seller = models.ForeignKey(
        SellerVersion, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    amount = models.PositiveBigIntegerField(_("amount"))
    issued_at = models.DateTimeField(_("issued"), db_default=Now())
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    class Meta:
        verbose_name = _("credit note")
        verbose_name_plural = _("credit notes")
        indexes = [models.Index(fields=["issued_at"], condition=Q(voided_at=None), name="credit_note_issued")]

    def __str__(self) -> str:
        return self.number
