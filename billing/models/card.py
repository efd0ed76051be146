"""Saved cards."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.models import Customer


class Card(models.Model):
    """A payment method saved at Stripe; the number never reaches this server."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="cards", verbose_name=_("customer"))
    stripe_payment_method_id = models.CharField(_("Stripe payment method"), max_length=255, unique=True)
    brand = models.CharField(_("brand"), max_length=40)
    last4 = models.CharField(_("last four digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("expiry month"))
    exp_year = models.PositiveSmallIntegerField(_("expiry year"))
    # Stripe's hash of the number: equal for every payment method of one card. Empty once detached.
    fingerprint = models.CharField(_("fingerprint"), max_length=255, blank=True, default="", editable=False)
    is_default = models.BooleanField(_("default"), default=False)
    by_customer = models.BooleanField(_("by the customer"), default=False, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        indexes = [models.Index(fields=["last4"], name="card_last4")]
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
        """All rows of this card: entered again, it becomes another payment method at Stripe."""
        if not self.fingerprint:
            return Card.objects.filter(pk=self.pk)
        identity = {name: getattr(self, name) for name in ("customer_id", "fingerprint", "exp_month", "exp_year")}
        return Card.objects.filter(**identity)

    def expired(self, *, year: int, month: int) -> bool:
        """A card is valid through the end of its expiry month."""
        return (self.exp_year, self.exp_month) < (year, month)
