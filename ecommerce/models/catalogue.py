"""Products, SKUs and coupons."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.functions import Coalesce, Upper
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.money import format_money, supported
from ecommerce.models.shop_settings import ShopSettings


class TaxCategory(models.TextChoices):
    """What decides at which of a country's rates something is taxed."""

    STANDARD = "standard", _("Standard")
    REDUCED = "reduced", _("Reduced")
    SUPER_REDUCED = "super_reduced", _("Super-reduced")
    ZERO = "zero", _("Zero")
    EXEMPT = "exempt", _("Exempt")
    DIGITAL = "digital", _("Digital")


class WithdrawalException(models.TextChoices):
    """Why the law lets a consumer not withdraw from buying something (Directive 2011/83/EU, article 16)."""

    SEALED = "sealed", _("Sealed goods, opened: hygiene or health")
    PERISHABLE = "perishable", _("Perishable goods")
    MADE_TO_MEASURE = "made_to_measure", _("Made to measure")
    DIGITAL = "digital", _("Digital content, begun with consent")


class ProductQuerySet(models.QuerySet["Product"]):
    """Which products are sold."""

    def on_sale(self) -> list["Product"]:
        """Return the active products by name, each with its active SKUs prefetched; without those that have none."""
        skus = models.Prefetch("skus", Sku.objects.filter(active=True).order_by("pk"))
        listed = self.filter(active=True).order_by("name", "pk").prefetch_related(skus)
        return [product for product in listed if product.skus.all()]


class Product(models.Model):
    """A product, sold as SKUs. Only a shippable one needs an address."""

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    image = models.CharField(_("image address"), max_length=500, blank=True)
    shippable = models.BooleanField(_("shippable"), default=True)
    tax_category = models.CharField(
        _("tax category"),
        max_length=20,
        choices=TaxCategory,
        default=TaxCategory.STANDARD,
        db_default=TaxCategory.STANDARD,
        help_text=_("Digital is taxed where the customer lives. Without a rate of its own, the standard rate is used."),
    )
    final_sale = models.BooleanField(
        _("final sale"),
        default=False,
        db_default=False,
        help_text=_("Customers can't ask to return it. It does not end a consumer's right to withdraw."),
    )
    withdrawal_exception = models.CharField(
        _("no right to withdraw"),
        max_length=20,
        choices=WithdrawalException,
        blank=True,
        default="",
        db_default="",
        help_text=_("Only where the law says so: empty for all other goods."),
    )
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.name


MAX_SEARCH_WORDS = 8


class SkuQuerySet(models.QuerySet["Sku"]):
    """Row locks for SKUs, and which of them are sold."""

    def locked(self) -> Self:
        """Lock the rows once evaluated, in the order of their primary keys."""
        return self.order_by("pk").select_for_update(of=("self",))

    def on_sale(self) -> Self:
        """Active SKUs of active products."""
        return self.filter(active=True, product__active=True)

    def low(self) -> Self:
        """Those on sale of which so few are left as their own threshold says, or else the shop's."""
        shops = Subquery(ShopSettings.objects.values("low_stock_at")[:1])
        threshold = Coalesce(F("low_stock_at"), shops)
        return self.on_sale().filter(inventory_type=Sku.InventoryType.FINITE, inventory_quantity__lte=threshold)

    def matching(self, text: str) -> Self:
        """Filter by code, name or product name containing every word, ignoring case."""
        found = self
        for word in text.split()[:MAX_SEARCH_WORDS]:
            found = found.filter(Q(code__icontains=word) | Q(name__icontains=word) | Q(product__name__icontains=word))
        return found


class Sku(models.Model):
    """A variant of a product. `price` is in the minor unit; `inventory_quantity` counts only where it is finite.

    `weight` is in grams, packing included; 0 is weightless. With `low_stock_at` left, or fewer, its stock is low; where
    that is null, the shop's setting says when.
    """

    class InventoryType(models.TextChoices):
        INFINITE = "infinite", _("Infinite")
        FINITE = "finite", _("Finite")

    product = models.ForeignKey(Product, models.PROTECT, related_name="skus", verbose_name=_("product"))
    code = models.CharField(_("code"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    price = models.PositiveBigIntegerField(_("price"))
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    image = models.CharField(_("image address"), max_length=500, blank=True)
    active = models.BooleanField(_("active"), default=True)
    inventory_type = models.CharField(
        _("inventory"), max_length=10, choices=InventoryType, default=InventoryType.INFINITE
    )
    inventory_quantity = models.PositiveIntegerField(_("in stock"), default=0)
    low_stock_at = models.PositiveIntegerField(
        _("low stock at"),
        null=True,
        blank=True,
        help_text=_("With so many left, or fewer, its stock is low. Empty: as the shop's settings say."),
    )
    weight = models.PositiveIntegerField(_("weight (g)"), default=0, db_default=0)
    bin = models.CharField(
        _("bin"),
        max_length=30,
        blank=True,
        default="",
        db_default="",
        help_text=_("Where it lies in the warehouse, for example A-03-2. Pick lists and packing slips go by it."),
    )

    objects = SkuQuerySet.as_manager()

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        constraints = [models.CheckConstraint(condition=Q(inventory_quantity__gte=0), name="sku_stock")]

    def __str__(self) -> str:
        return f"{self.description} ({self.code})"

    @property
    def description(self) -> str:
        """Product and SKU name, as an order's line freezes them."""
        return f"{self.product.name}, {self.name}" if self.name else self.product.name

    @property
    def finite(self) -> bool:
        """Whether stock is counted."""
        return self.inventory_type == self.InventoryType.FINITE

    def low_stock_threshold(self, shop: ShopSettings) -> int:
        """The number left at which, or below, its stock is low."""
        return shop.low_stock_at if self.low_stock_at is None else self.low_stock_at

    @property
    def in_stock(self) -> bool:
        """Whether at least one can be ordered."""
        return not self.finite or self.inventory_quantity > 0

    @property
    def price_money(self) -> str:
        """The price with its currency, as users read it."""
        return format_money(self.price, self.currency)

    @property
    def availability(self) -> str:
        """The stock in words."""
        if not self.finite:
            return gettext("always in stock")
        if not self.inventory_quantity:
            return gettext("out of stock")
        return gettext("{count} in stock").format(count=self.inventory_quantity)


class CouponQuerySet(models.QuerySet["Coupon"]):
    """Row locks for coupons, and how a typed code is matched."""

    def locked(self) -> Self:
        """Lock the rows once evaluated, in the order of their primary keys."""
        return self.order_by("pk").select_for_update(of=("self",))

    def called(self, code: str) -> "Coupon | None":
        """The coupon of a typed code, whatever its case and surrounding blanks."""
        return self.filter(code__iexact=code.strip()).first()


class Coupon(models.Model):
    """A discount: a percentage of the subtotal, or an amount of one currency in the minor unit."""

    code = models.CharField(_("code"), max_length=50)
    percent_off = models.DecimalField(_("percent off"), max_digits=5, decimal_places=2, null=True, blank=True)
    amount_off = models.PositiveBigIntegerField(_("amount off"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, choices=supported, blank=True)
    redeem_by = models.DateTimeField(_("redeem by"), null=True, blank=True)
    max_redemptions = models.PositiveIntegerField(_("redemptions at most"), null=True, blank=True)
    times_redeemed = models.PositiveIntegerField(_("times redeemed"), default=0, editable=False)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = CouponQuerySet.as_manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            models.UniqueConstraint(
                Upper("code"), name="coupon_code_unique", violation_error_message=_("Another coupon has this code.")
            ),
            models.CheckConstraint(
                # Without the two IS NOT NULL, a coupon with neither would make this null, which PostgreSQL accepts.
                condition=Q(percent_off__isnull=False, percent_off__gt=0, percent_off__lte=100)
                & Q(amount_off=None, currency="")
                | Q(amount_off__isnull=False, percent_off=None, amount_off__gt=0) & ~Q(currency=""),
                name="coupon_terms",
                violation_error_message=_("Give either a percentage of up to 100, or an amount and its currency."),
            ),
            models.CheckConstraint(
                condition=Q(max_redemptions=None) | Q(times_redeemed__lte=F("max_redemptions")),
                name="coupon_redemptions",
                violation_error_message=_("This coupon was redeemed more often than that already."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def used_up(self) -> bool:
        """Whether it was redeemed as often as it may be."""
        return self.max_redemptions is not None and self.times_redeemed >= self.max_redemptions

    def expired(self, *, at: datetime) -> bool:
        """Whether its last moment has passed."""
        return self.redeem_by is not None and self.redeem_by < at
