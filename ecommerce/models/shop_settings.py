"""What holds for the whole shop, and is edited in the admin."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.money import supported
from customers.countries import country_choices


def first_tax_included_currencies() -> list[str]:
    """Return what a new shop begins with."""
    return [code for code, _name in supported()] if settings.PRICES_INCLUDE_TAX else []


def first_stacked_countries() -> list[str]:
    """Return what a new shop begins with."""
    return ["US"]


class ShopSettings(models.Model):
    """One row, written by the first migration. `country` is where the shop sends from, empty until somebody says so.

    `tax_id` repeats that of the seller, with whose page it is written. `tax_included_currencies` are those whose prices
    include tax; `stacked_countries` those whose law adds all taxes of a document before it rounds. `tax_day` says on
    which day's rate an order is taxed.
    """

    class ShippingTax(models.TextChoices):
        SHARE = "share", _("By the goods' share")
        HIGHEST = "highest", _("The goods' highest")
        OWN = "own", _("Its own")

    class TaxDay(models.TextChoices):
        PAYMENT = "payment", _("The day of payment")
        ORDER = "order", _("The day of the order")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    country = models.CharField(
        _("country"), max_length=2, choices=country_choices, blank=True, help_text=_("Where the shop sends from.")
    )
    tax_id = models.CharField(_("tax id"), max_length=40, blank=True, editable=False)
    small_business = models.BooleanField(
        _("small business"), default=False, help_text=_("Exempt from charging tax: no order is taxed.")
    )
    small_business_reason = models.CharField(
        _("paragraph"),
        max_length=200,
        blank=True,
        help_text=_("As invoices say it, for example: No VAT is charged, § 19 UStG."),
    )
    tax_included_currencies = ArrayField(
        models.CharField(max_length=3),
        verbose_name=_("currencies whose prices include tax"),
        default=first_tax_included_currencies,
        blank=True,
    )
    shipping_tax = models.CharField(_("shipping's tax"), max_length=10, choices=ShippingTax, default=ShippingTax.SHARE)
    tax_day = models.CharField(_("which day's rate"), max_length=10, choices=TaxDay, default=TaxDay.PAYMENT)
    stacked_countries = ArrayField(
        models.CharField(max_length=2),
        verbose_name=_("countries that add their taxes before rounding"),
        default=first_stacked_countries,
        blank=True,
    )
    return_days = models.PositiveSmallIntegerField(
        _("days for a return"),
        null=True,
        blank=True,
        default=30,
        db_default=30,
        help_text=_(
            "How long customers may ask for a return, from delivery, or from sending where delivery is not known. "
            "Empty: for ever. Staff are warned. A consumer's right to withdraw is not touched."
        ),
    )
    cancel_minutes = models.PositiveSmallIntegerField(
        _("minutes for canceling without asking"),
        default=0,
        db_default=0,
        help_text=_(
            "So long after ordering, an order that nothing was sent of is canceled and refunded at once when its "
            "customer asks for it. Afterwards, and with 0 always, staff decide."
        ),
    )
    answer_days = models.PositiveSmallIntegerField(
        _("days for an answer"),
        default=2,
        db_default=2,
        help_text=_("Within how many days staff mean to answer what customers ask for."),
    )
    payment_link_days = models.PositiveSmallIntegerField(
        _("days for a payment link"),
        default=14,
        db_default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("How long an order can be paid by a link. What was in stock and what it cost is checked again."),
    )
    low_stock_at = models.PositiveIntegerField(
        _("low stock at"),
        default=5,
        db_default=5,
        help_text=_("With so many left of a SKU, or fewer, its stock is low. A SKU may have a number of its own."),
    )

    class Meta:
        verbose_name = _("settings")
        verbose_name_plural = _("settings")
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="shop_settings_one_row"),
            models.CheckConstraint(
                condition=Q(small_business=False, small_business_reason="")
                | Q(small_business=True) & ~Q(small_business_reason=""),
                name="shop_settings_small_business",
                violation_error_message=_("A small business names the paragraph by which it is exempt; no other does."),
            ),
        ]

    def __str__(self) -> str:
        return gettext("Shop")

    def includes_tax(self, currency: str) -> bool:
        """Whether prices of that currency include tax."""
        return currency in self.tax_included_currencies
