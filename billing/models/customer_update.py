"""Changes of customers that Stripe has yet to be told."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer


class CustomerUpdate(models.Model):
    """One row for each customer whose e-mail was ever changed: what is sent is what the customer's row says then.

    `generation` rises with each change; `next_attempt_at` is empty once Stripe knows the last one.
    """

    customer = models.OneToOneField(Customer, models.CASCADE, related_name="+", verbose_name=_("customer"))
    generation = models.PositiveIntegerField(default=1)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, default=timezone.now)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("change of a customer at Stripe")
        verbose_name_plural = _("changes of customers at Stripe")
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="customer_update_due",
                condition=models.Q(next_attempt_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}, {self.generation}"
