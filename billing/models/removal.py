"""What Stripe has yet to be told to forget."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class StripeRemoval(models.Model):
    """A saved card or a customer to be removed at Stripe; `next_attempt_at` is empty once it is."""

    class Kind(models.TextChoices):
        CARD = "card", _("Card")
        CUSTOMER = "customer", _("Customer")

    kind = models.CharField(max_length=10, choices=Kind)
    stripe_id = models.CharField(max_length=255, unique=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    requested_at = models.DateTimeField(db_default=Now())
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("removal at Stripe")
        verbose_name_plural = _("removals at Stripe")
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="removal_due")
        ]

    def __str__(self) -> str:
        return self.stripe_id
