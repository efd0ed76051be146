"""At which rate what is taxed, where and when."""

from datetime import date
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.countries import country_choices, country_name
from customers.tax_ids import NORTHERN_IRELAND
from ecommerce.models.catalogue import TaxCategory

SHIPPING = "shipping"


def rate_countries() -> list[tuple[str, str]]:
    """Return the countries, and Northern Ireland, which for goods is taxed as a member state of the EU."""
    return [*country_choices(), (NORTHERN_IRELAND, str(_("Northern Ireland (goods)")))]


def rate_categories() -> list[tuple[str, object]]:
    """Return the categories of products, and shipping."""
    return [*TaxCategory.choices, (SHIPPING, _("Shipping"))]


def rate_country_name(code: str) -> str:
    """Return the name of a country of rates."""
    return str(_("Northern Ireland")) if code == NORTHERN_IRELAND else country_name(code)


def shown_percent(percent: Decimal) -> str:
    """Return a rate without zeros that say nothing: 19 %, 8.875 %."""
    return f"{percent.normalize():f} %"


class TaxRateQuerySet(models.QuerySet["TaxRate"]):
    """The table lock under which rates are changed."""

    def lock_table(self) -> None:
        """Keep others from adding and changing rates until the end of the transaction; they are read all the same."""
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE ecommerce_taxrate IN SHARE ROW EXCLUSIVE MODE")


class TaxRate(models.Model):
    """A tax of a country, or of a part of it, on one category of goods. Its last day is included.

    Of rates with one name the one for the smallest place applies; those with different names are added: state, county
    and city. `region` is as `customers.postal_addresses.state_code` writes it, `postal_codes` are beginnings and ranges
    as `customers.postal_codes` reads them. `category` and `reason` are those of EN 16931.
    """

    class Category(models.TextChoices):
        S = "S", _("S: taxed")
        Z = "Z", _("Z: zero-rated")
        E = "E", _("E: exempt")
        AE = "AE", _("AE: reverse charge")
        K = "K", _("K: supply within the EU")
        G = "G", _("G: export")
        O = "O", _("O: outside the scope of tax")  # noqa: E741 - EN 16931's own code

    country = models.CharField(_("country"), max_length=2, choices=rate_countries)
    region = models.CharField(_("state or province"), max_length=100, blank=True)
    postal_codes = ArrayField(models.CharField(max_length=50), verbose_name=_("postal codes"), default=list, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    tax_category = models.CharField(_("what"), max_length=20, choices=rate_categories, default=TaxCategory.STANDARD)
    name = models.CharField(_("name"), max_length=100, help_text=_("As invoices say it, for example: VAT."))
    percent = models.DecimalField(_("percent"), max_digits=7, decimal_places=4)
    category = models.CharField(_("kind"), max_length=2, choices=Category, default=Category.S)
    reason = models.CharField(
        _("reason"), max_length=200, blank=True, help_text=_("Why no tax is charged, as invoices say it.")
    )
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("last day"), null=True, blank=True)

    objects = TaxRateQuerySet.as_manager()

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        indexes = [models.Index(fields=["country", "region"], name="tax_rate_place")]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_from__lte=F("valid_until")),
                name="tax_rate_days",
                violation_error_message=_("The last day is before the first one."),
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100),
                name="tax_rate_percent",
                violation_error_message=_("A rate is from 0 to 100 %%."),
            ),
            models.CheckConstraint(
                condition=Q(category="S") | Q(percent=0),
                name="tax_rate_zero",
                violation_error_message=_("Only S, what is taxed, has a rate above 0 %%."),
            ),
            models.CheckConstraint(
                condition=Q(category__in=("S", "Z"), reason="") | ~Q(category__in=("S", "Z")) & ~Q(reason=""),
                name="tax_rate_reason",
                violation_error_message=_("AE, K, G, E and O need a reason; S and Z have none."),
            ),
            models.UniqueConstraint(
                fields=["country", "region", "postal_codes", "city", "tax_category", "name", "valid_from"],
                nulls_distinct=False,
                name="tax_rate_once",
                violation_error_message=_("This rate is there already, from the same day on."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.name} {self.shown_percent}"

    @property
    def shown_percent(self) -> str:
        """As pages show it."""
        return shown_percent(self.percent)

    @property
    def place(self) -> str:
        """Where it holds, the smallest part first."""
        parts = (", ".join(self.postal_codes), self.city, self.region, rate_country_name(self.country))
        return ", ".join(filter(None, parts))

    @property
    def validity(self) -> str:
        """Its days in words."""
        first, last = (date_format(day) if day else "" for day in (self.valid_from, self.valid_until))
        if first and last:
            return gettext("%(first)s – %(last)s") % {"first": first, "last": last}
        if first:
            return gettext("from %(first)s") % {"first": first}
        return gettext("until %(last)s") % {"last": last} if last else gettext("always")

    def overlaps(self, other: "TaxRate") -> bool:
        """Whether both hold on some day."""
        begins_in_time = not (self.valid_until and other.valid_from) or other.valid_from <= self.valid_until
        return begins_in_time and (not (other.valid_until and self.valid_from) or self.valid_from <= other.valid_until)

    @property
    def what(self) -> tuple[object, ...]:
        """What of two rates must not be the same on one day."""
        codes = tuple(sorted(each.casefold() for each in self.postal_codes))
        place = (self.country, self.region.casefold(), codes, " ".join(self.city.casefold().split()))
        return (*place, self.tax_category, " ".join(self.name.casefold().split()))

    def holds_on(self, day: date) -> bool:
        """Whether it holds on a day; the first and the last day count."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day <= self.valid_until)
