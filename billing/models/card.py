"""A customer's saved card: what may be shown of it, and Stripe's name for it."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer


class Card(models.Model):
    """A payment method kept at Stripe; the number never reaches this server."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="cards", verbose_name=_("customer"))
    stripe_payment_method_id = models.CharField(_("Stripe payment method"), max_length=255, unique=True)
    brand = models.CharField(_("brand"), max_length=40)
    last4 = models.CharField(_("last four digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("expiry month"))
    exp_year = models.PositiveSmallIntegerField(_("expiry year"))
    # Stripe's name for the number, the same however often it is typed; only while Stripe keeps the card for us.
    fingerprint = models.CharField(_("fingerprint"), max_length=255, blank=True, default="", editable=False)
    is_default = models.BooleanField(_("default"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(is_default=True, removed_at=None),
                name="card_one_default",
            )
        ]

    def __str__(self) -> str:
        return f"{self.brand.title()} •••• {self.last4}"

    def same(self) -> models.QuerySet["Card"]:
        """Give all rows of this very card: typed again, it gets another payment method at Stripe."""
        if not self.fingerprint:
            return Card.objects.filter(pk=self.pk)
        known = {name: getattr(self, name) for name in ("customer_id", "fingerprint", "exp_month", "exp_year")}
        return Card.objects.filter(**known)

    def expired(self, *, year: int, month: int) -> bool:
        """Tell whether the card is past its last month."""
        return (self.exp_year, self.exp_month) < (year, month)
