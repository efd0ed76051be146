"""Where orders are shipped to, and what that costs."""

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from billing.money import coarse_steps, supported
from customers.countries import country_name

MAX_PLACES = 6


class ShippingZoneQuerySet(models.QuerySet["ShippingZone"]):
    """How zones are checked against each other."""

    def lock_table(self) -> None:
        """Keep others from adding and changing zones until the end of the transaction; they are read all the same."""
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE ecommerce_shippingzone IN SHARE ROW EXCLUSIVE MODE")


class ShippingZone(models.Model):
    """Places that share their rates: whole countries, or the named regions and postal codes of one country.

    `regions` are codes as `customers.postal_addresses.state_code` returns them, `postal_codes` beginnings and ranges as
    `customers.postal_codes` reads them. `ecommerce.shipping.options` says which zone counts for an address.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    rest_of_world = models.BooleanField(_("rest of the world"), default=False)
    countries = ArrayField(models.CharField(max_length=2), verbose_name=_("countries"), default=list, blank=True)
    regions = ArrayField(models.CharField(max_length=100), verbose_name=_("regions"), default=list, blank=True)
    postal_codes = ArrayField(models.CharField(max_length=50), verbose_name=_("postal codes"), default=list, blank=True)

    objects = ShippingZoneQuerySet.as_manager()

    class Meta:
        verbose_name = _("shipping zone")
        verbose_name_plural = _("shipping zones")
        constraints = [
            models.UniqueConstraint(
                fields=["rest_of_world"],
                condition=Q(rest_of_world=True),
                name="shipping_zone_one_rest_of_world",
                violation_error_message=_("Another zone is the rest of the world."),
            ),
            models.CheckConstraint(
                condition=Q(rest_of_world=True, countries=[], regions=[], postal_codes=[])
                | Q(rest_of_world=False, countries__len__gt=0),
                name="shipping_zone_places",
                violation_error_message=_("Choose countries, or make the zone the rest of the world."),
            ),
            models.CheckConstraint(
                condition=Q(regions=[], postal_codes=[]) | Q(countries__len=1),
                name="shipping_zone_parts_of_one_country",
                violation_error_message=_("Regions and postal codes are those of one country: choose no other."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def places_in_words(self) -> str:
        """What it covers, in the language of the request, cut short where it is much."""
        if self.rest_of_world:
            return gettext("Rest of the world")
        countries = [country_name(code) for code in self.countries]
        parts = [*self.regions, *self.postal_codes]
        return f"{countries[0]}: {_shortened(parts)}" if parts else _shortened(sorted(countries))


def _shortened(names: list[str]) -> str:
    shown = ", ".join(names[:MAX_PLACES])
    if len(names) <= MAX_PLACES:
        return shown
    return gettext("%(names)s and %(count)d more") % {"names": shown, "count": len(names) - MAX_PLACES}


def _on_step(amount: str) -> Q:
    # Stripe charges some currencies in steps only (billing.money): an order with such a shipping could not be paid.
    condition = Q()
    for step, codes in coarse_steps().items():
        condition &= ~Q(currency__in=codes) | Q(Exact(Mod(F(amount), step), 0))
    return condition


class ShippingRate(models.Model):
    """`price` and `free_from` are in the minor unit; shipping is free where the goods cost that much after discount.

    Weights are in grams: from `weight_from` on, below `weight_to`. The delivery takes `days_from` to `days_to` days.
    """

    zone = models.ForeignKey(ShippingZone, models.CASCADE, related_name="rates", verbose_name=_("shipping zone"))
    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    price = models.PositiveBigIntegerField(_("price"))
    free_from = models.PositiveBigIntegerField(_("free from"), null=True, blank=True)
    weight_from = models.PositiveIntegerField(_("grams from"), default=0)
    weight_to = models.PositiveIntegerField(_("grams below"), null=True, blank=True)
    days_from = models.PositiveSmallIntegerField(_("days from"), null=True, blank=True)
    days_to = models.PositiveSmallIntegerField(_("days to"), null=True, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("shipping rate")
        verbose_name_plural = _("shipping rates")
        constraints = [
            models.CheckConstraint(
                condition=_on_step("price"),
                name="shipping_rate_price_step",
                violation_error_message=_("The price is not on the currency's step."),
            ),
            models.CheckConstraint(
                condition=Q(free_from=None) | Q(free_from__gt=0) & _on_step("free_from"),
                name="shipping_rate_free_from",
                violation_error_message=_("Free from: an amount above zero, on the currency's step."),
            ),
            models.CheckConstraint(
                condition=Q(weight_to=None) | Q(weight_from__lt=F("weight_to")),
                name="shipping_rate_weights",
                violation_error_message=_("Grams below must be more than grams from."),
            ),
            models.CheckConstraint(
                condition=Q(days_from=None, days_to=None)
                | Q(days_from__isnull=False, days_to__isnull=False, days_from__lte=F("days_to")),
                name="shipping_rate_days",
                violation_error_message=_("Give both ends of the days, the lower one first, or neither."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def weights_in_words(self) -> str:
        """The weights that it takes."""
        if self.weight_to is None:
            sentence = gettext("from %(from)s g") if self.weight_from else gettext("any")
        else:
            sentence = gettext("%(from)s g to below %(to)s g") if self.weight_from else gettext("below %(to)s g")
        return sentence % {"from": f"{self.weight_from:,}", "to": f"{self.weight_to or 0:,}"}

    @property
    def days_in_words(self) -> str:
        """How long the delivery takes; empty where it is not said."""
        return days_in_words(self.days_from, self.days_to)


def days_in_words(first: int | None, last: int | None) -> str:
    """Return "2 to 4 days", or an empty text where it is not known."""
    if first is None or last is None:
        return ""
    if first == last:
        return ngettext("%(days)d day", "%(days)d days", last) % {"days": last}
    return gettext("%(first)d to %(last)d days") % {"first": first, "last": last}
