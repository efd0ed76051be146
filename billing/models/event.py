"""Webhook events: one row for each, processed after it was acknowledged to Stripe."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """An event as Stripe sent it; `next_attempt_at` is empty once it is processed or given up."""

    stripe_event_id = models.CharField(_("Stripe event"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=100)
    payload = models.JSONField(_("payload"))
    received_at = models.DateTimeField(_("received"), db_default=Now())
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, db_default=Now())
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # About an object that is not ours, or of a type that says nothing about ours.
    ignored = models.BooleanField(_("ignored"), default=False)
    # When a message for it was sent last; empty once a worker has taken it up.
    enqueued_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(_("error"), blank=True)

    leased_at: datetime  # the database's time, on rows that `leases.claim` returned

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhooks")
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(next_attempt_at__isnull=False), name="webhook_due"
            ),
            models.Index(fields=["id"], condition=~models.Q(error=""), name="webhook_error"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_event_id}"
