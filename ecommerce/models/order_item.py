"""Items of orders, and their taxes."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ecommerce.models.catalogue import Sku, WithdrawalException
from ecommerce.models.order import Order


class OrderItemQuerySet(models.QuerySet["OrderItem"]):
    """What becomes of many items at once."""

    def cancel_left(self) -> None:
        """Count all that has not been sent as canceled, under the locks of their orders."""
        self.update(canceled=F("quantity") - F("fulfilled"))


class OrderItem(models.Model):
    """A line of an order; code, description and price are those of the SKU when the order was placed.

    A custom line has no SKU, and its text as the description. Amounts are in the minor unit: `amount` is before
    discount, `discount` is its own, given by hand (`manual_discount`), with its share of the coupon. Of `quantity`,
    `fulfilled` units have left, `canceled` ones never will, and `returned` ones came back; triggers write the first and
    the last. Items that are not shippable are neither sent nor returned. `final_sale` and `withdrawal_exception` are
    what the product's were when it was ordered.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="items")
    sku = models.ForeignKey(Sku, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("SKU"))
    sku_code = models.CharField(_("SKU"), max_length=100, blank=True)
    description = models.CharField(_("description"), max_length=300)
    unit_price = models.PositiveBigIntegerField(_("unit price"))
    quantity = models.PositiveIntegerField(_("quantity"))
    amount = models.PositiveBigIntegerField(_("amount"))
    discount = models.PositiveBigIntegerField(_("discount"), default=0, db_default=0)
    manual_discount = models.PositiveBigIntegerField(_("discount by hand"), default=0, db_default=0)
    tax = models.PositiveBigIntegerField(_("tax"), default=0, db_default=0)
    tax_category = models.CharField(_("tax category"), max_length=20, default="standard", db_default="standard")
    shippable = models.BooleanField(_("shippable"), default=True, db_default=True)
    final_sale = models.BooleanField(_("final sale"), default=False, db_default=False)
    withdrawal_exception = models.CharField(
        _("no right to withdraw"),
        max_length=20,
        choices=WithdrawalException,
        blank=True,
        default="",
        db_default="",
    )
    fulfilled = models.PositiveIntegerField(_("fulfilled"), default=0, db_default=0, editable=False)
    canceled = models.PositiveIntegerField(_("canceled"), default=0, db_default=0, editable=False)
    returned = models.PositiveIntegerField(_("returned"), default=0, db_default=0, editable=False)

    objects = OrderItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_item_quantity"),
            models.CheckConstraint(condition=Q(amount=F("unit_price") * F("quantity")), name="order_item_amount"),
            models.CheckConstraint(
                condition=Q(discount__lte=F("amount"), manual_discount__lte=F("discount")), name="order_item_discount"
            ),
            models.CheckConstraint(
                condition=Q(fulfilled__lte=F("quantity") - F("canceled")), name="order_item_fulfilled"
            ),
            models.CheckConstraint(condition=Q(returned__lte=F("fulfilled")), name="order_item_returned"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.description}"

    @property
    def left(self) -> int:
        """How many units are neither sent nor canceled."""
        return self.quantity - self.fulfilled - self.canceled

    @property
    def left_to_send(self) -> int:
        """How many units are still to be sent: none where nothing is shipped."""
        return self.left if self.shippable else 0


class TaxLine(models.Model):
    """One tax on an item of an order, or on its shipping where `item` is empty; amounts in the minor unit.

    `rate` is in percent; `category` and `reason` are those of EN 16931. `included` is whether the price includes it.
    `source` is what computed it: the shop's own rates, or Stripe.
    """

    class Source(models.TextChoices):
        TABLE = "table", _("Tax rates")
        STRIPE = "stripe", _("Stripe Tax")

    order = models.ForeignKey(Order, models.PROTECT, related_name="tax_lines")
    item = models.ForeignKey(OrderItem, models.PROTECT, null=True, related_name="tax_lines", db_index=False)
    country = models.CharField(_("country"), max_length=2, blank=True)
    region = models.CharField(_("region"), max_length=50, blank=True)
    name = models.CharField(_("name"), max_length=100)
    rate = models.DecimalField(_("rate"), max_digits=7, decimal_places=4)
    category = models.CharField(_("category"), max_length=2)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    taxable = models.PositiveBigIntegerField(_("taxable amount"))
    amount = models.PositiveBigIntegerField(_("tax"))
    included = models.BooleanField(_("included in the price"), default=False)
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.TABLE)

    class Meta:
        verbose_name = _("tax line")
        verbose_name_plural = _("tax lines")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.rate.normalize():f} %"
