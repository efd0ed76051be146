"""Endpoints of webhooks out, and what is delivered to them: a row for each event and endpoint is the queue."""

import secrets
from base64 import b64encode

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

SECRET_PREFIX, SECRET_BYTES = "whsec_", 32


def new_secret() -> str:
    """Make a secret as Standard Webhooks write it."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class WebhookEndpoint(models.Model):
    """An address of another system, and which events it gets: all of them where `event_types` is empty.

    While `previous_secret` is valid, events are signed with both. An endpoint that is off gets nothing; what happens
    meanwhile is kept for a week, so that it can be sent when it is switched on again. `failing_since` is the first
    failed attempt after the last successful one; nothing is sent before `retry_at`.
    """

    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True)
    event_types = ArrayField(models.CharField(max_length=40), verbose_name=_("events"), default=list, blank=True)
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    previous_secret = models.CharField(max_length=100, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(
        _("previous secret valid until"), null=True, blank=True, editable=False
    )
    active = models.BooleanField(_("on"), default=True, editable=False)
    switched_off_at = models.DateTimeField(_("switched off"), null=True, blank=True, editable=False)
    switched_off_reason = models.TextField(_("reason"), blank=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
        limit_choices_to={"is_staff": True},
        help_text=_("Is told by mail when the endpoint is switched off."),
    )
    owner_email = models.EmailField(_("or an e-mail"), blank=True)
    created_at = models.DateTimeField(_("made"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.CheckConstraint(
                condition=Q(active=True, switched_off_at=None) | Q(active=False, switched_off_at__isnull=False),
                name="webhook_endpoint_off",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_until=None)
                | (~Q(previous_secret="") & Q(previous_secret_until__isnull=False)),
                name="webhook_endpoint_previous_secret",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def owner_address(self) -> str:
        """The e-mail of who is told; empty if nobody is."""
        return self.owner_email or (self.owner.email if self.owner else "")


class WebhookDelivery(models.Model):
    """An event for an endpoint. Triggers write it; `event_id` is the same for all endpoints.

    `object_type` and `object_id` are what the event tells of. Of one `stream`, an order, a customer or a SKU with all
    that belongs to it, deliveries to an endpoint go out in the order of `sequence`. `payload` is the request's body,
    empty until the first attempt, and the same bytes for every attempt and endpoint.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")
        CANCELED = "canceled", _("Canceled")

    # No foreign key constraint: checking it would lock the endpoint in every act. Rows of an endpoint that was deleted
    # meanwhile are never sent.
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
        verbose_name=_("endpoint"),
    )
    event_id = models.CharField(_("event"), max_length=40)
    type = models.CharField(_("type"), max_length=40)
    object_type = models.CharField(_("object"), max_length=20)
    object_id = models.BigIntegerField(_("id"))
    stream = models.CharField(max_length=40)
    sequence = models.BigIntegerField(_("sequence"))
    triggered_from = models.CharField(_("triggered from"), max_length=10)
    payload = models.TextField(_("request"), blank=True, default="", db_default="")
    # Of the latest attempt: its time and its signatures are among them.
    request_headers = models.JSONField(default=dict, db_default={}, editable=False)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.QUEUED, db_default=Status.QUEUED
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0, db_default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, db_default=Now())
    error = models.TextField(_("reason"), blank=True, default="", db_default="")
    response_status = models.PositiveSmallIntegerField(_("status of the answer"), null=True, blank=True)
    response_body = models.TextField(_("answer"), blank=True, default="", db_default="")
    duration_ms = models.PositiveIntegerField(_("duration"), null=True, blank=True)
    created_at = models.DateTimeField(_("happened"), db_default=Now())
    queued_at = models.DateTimeField(_("queued"), db_default=Now())
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ("view",)
        permissions = [("resend_webhookdelivery", _("Can send webhook events again"))]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"], condition=Q(status="queued"), name="webhook_delivery_due"
            ),
            models.Index(
                fields=["endpoint", "stream", "sequence"], condition=Q(status="queued"), name="webhook_delivery_stream"
            ),
            models.Index(fields=["endpoint", "id"], name="webhook_delivery_log"),
            models.Index(fields=["stream", "id"], name="webhook_delivery_of"),
            models.Index(
                fields=["endpoint", "delivered_at"], condition=Q(status="delivered"), name="webhook_delivered"
            ),
            models.Index(
                fields=["status", "id"], condition=Q(status__in=("failed", "canceled")), name="webhook_undelivered"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event_id", "endpoint"], name="webhook_event_once"),
            models.CheckConstraint(
                condition=Q(status="queued", next_attempt_at__isnull=False)
                | (~Q(status="queued") & Q(next_attempt_at=None)),
                name="webhook_next_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
