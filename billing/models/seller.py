"""Who sells: the details on documents, as they are now and as they were, and what other currencies were worth."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.money import supported
from customers.countries import country_choices

NUMBER_PREFIX = RegexValidator(
    r"^[A-Z]+[-/.]?\Z", _("Write capital letters, and at the end one of - / . if you like, for example INV-.")
)

DETAILS = (
    *("name", "line1", "line2", "city", "state", "postal_code", "country", "tax_id", "tax_number", "email", "phone"),
    *("registration", "bank", "footer"),
)
"""What of the seller documents say."""


class SellerVersion(models.Model):
    """The seller as invoices and credit notes name it; a change makes another version, and none is ever changed.

    `details` has what DETAILS names.
    """

    details = models.JSONField()
    logo = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("version of the seller")
        verbose_name_plural = _("versions of the seller")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.details.get("name", ""))


class Seller(models.Model):
    """One row, written by a migration. Without a `name` nobody has filled it in.

    `currency` is that of the seller's books: the tax of an invoice in another one is stated in both. `version` is what
    the next invoice or credit note is frozen with.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("legal name"), max_length=200, blank=True)
    line1 = models.CharField(_("address line 1"), max_length=200, blank=True)
    line2 = models.CharField(_("address line 2"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    state = models.CharField(_("state or province"), max_length=100, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    country = models.CharField(_("country"), max_length=2, choices=country_choices, blank=True)
    tax_id = models.CharField(
        _("VAT number"), max_length=40, blank=True, help_text=_("With its country's prefix, for example DE136695976.")
    )
    tax_number = models.CharField(
        _("tax number"),
        max_length=40,
        blank=True,
        help_text=_("That of your tax office, where documents must name it."),
    )
    registration = models.CharField(
        _("registration"), max_length=200, blank=True, help_text=_("For example: Amtsgericht Berlin, HRB 12345.")
    )
    bank = models.CharField(
        _("bank"), max_length=200, blank=True, help_text=_("For example: IBAN DE89 3704 0044 0532 0130 00.")
    )
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    logo = models.BinaryField(_("logo"), null=True, editable=False)
    currency = models.CharField(
        _("currency of the books"),
        max_length=3,
        choices=supported,
        blank=True,
        help_text=_("Invoices in another currency state their tax in this one, too, by the exchange rates."),
    )
    invoice_prefix = models.CharField(
        _("invoice numbers begin with"), max_length=6, default="INV-", db_default="INV-", validators=[NUMBER_PREFIX]
    )
    credit_note_prefix = models.CharField(
        _("credit note numbers begin with"), max_length=6, default="CN-", db_default="CN-", validators=[NUMBER_PREFIX]
    )
    year_in_numbers = models.BooleanField(
        _("year in numbers"),
        default=False,
        db_default=False,
        help_text=_(
            "INV-2026-000123 instead of INV-000123. The count goes on from one year to the next, without gaps."
        ),
    )
    footer = models.TextField(
        _("footer"), max_length=500, blank=True, help_text=_("At the end of each invoice and credit note.")
    )
    version = models.ForeignKey(SellerVersion, models.PROTECT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("seller")
        verbose_name_plural = _("seller")
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="seller_one_row"),
            models.CheckConstraint(
                condition=~Q(invoice_prefix=F("credit_note_prefix")),
                name="seller_prefixes_differ",
                violation_error_message=_("Invoices and credit notes need different beginnings."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or gettext("No name yet")


class ExchangeRate(models.Model):
    """What one unit of `currency` is worth in `to_currency` from a day on, until a later rate begins."""

    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    to_currency = models.CharField(_("in"), max_length=3, choices=supported)
    rate = models.DecimalField(_("rate"), max_digits=18, decimal_places=8)
    day = models.DateField(_("from"))
    source = models.CharField(
        _("source"), max_length=100, help_text=_("As invoices name it, for example: European Central Bank.")
    )

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "to_currency", "day"],
                name="exchange_rate_once",
                violation_error_message=_("There is a rate of these currencies from this day on already."),
            ),
            models.CheckConstraint(
                condition=Q(rate__gt=0),
                name="exchange_rate_positive",
                violation_error_message=_("A rate is above 0."),
            ),
            models.CheckConstraint(
                condition=~Q(currency=F("to_currency")),
                name="exchange_rate_of_two",
                violation_error_message=_("These are the same currency."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency.upper()} 1 = {self.to_currency.upper()} {self.rate.normalize():f}"
