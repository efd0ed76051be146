"""Mails: one row for each, written with what it is about, and sent by a worker."""

from email.utils import parseaddr
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.emails import email_key


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self) -> "MailQuerySet":
        return self.filter(status=Mail.Status.QUEUED, next_attempt_at__lte=Now())

    def to(self, email: str) -> "MailQuerySet":
        """Ignore case, width and composition."""
        return self.filter(recipient_key=email_key(email))


class Mail(models.Model):
    """The row is the queue: `next_attempt_at` lies ahead while a worker sends, and is empty once nothing is left to do.

    Where a kind has a writer (customers/mail/writing.py), the worker writes subject and text just before the first
    attempt; once written they never change.
    `message_id` is fixed with the row: sent a second time after a crash, a mail server or program can tell.
    """

    class Kind(models.TextChoices):
        ORDER_CONFIRMED = "order_confirmed", _("Order confirmed")
        INVOICE = "invoice", _("Invoice")
        PAYMENT_FAILED = "payment_failed", _("Payment failed")
        AUTHENTICATION_REQUIRED = "authentication_required", _("Authentication required")
        PAYMENT_LINK = "payment_link", _("Payment link")
        SHIPPED = "shipped", _("Shipped")
        TRACKING_CORRECTED = "tracking_corrected", _("Tracking corrected")
        CANCELED = "canceled", _("Canceled")
        REFUNDED = "refunded", _("Refunded")
        RETURNED = "returned", _("Returned")
        RETURN_APPROVED = "return_approved", _("Return approved")
        RETURN_DECLINED = "return_declined", _("Return declined")
        CANCELLATION_DECLINED = "cancellation_declined", _("Cancellation declined")
        WITHDRAWAL = "withdrawal", _("Withdrawal received")
        MESSAGE = "message", _("Message")
        ACCOUNT = "account", _("Account and password")
        # Its text is written by the worker: the request takes as long whether or not the e-mail has an account.
        PASSWORD_RESET = "password_reset", _("New password")
        MENTION = "mention", _("Mentions in notes")
        # Of before each of these had a kind of its own.
        RETURN = "return", _("Returns and cancellations")
        OTHER = "other", _("Other")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENT = "sent", _("Sent")
        KEPT = "kept", _("Kept here")
        FAILED = "failed", _("Failed")
        BOUNCED = "bounced", _("Bounced")
        COMPLAINED = "complained", _("Marked as spam")

    NOT_ARRIVED = frozenset({Status.KEPT, Status.FAILED, Status.BOUNCED})
    UNWANTED = frozenset({Status.FAILED, Status.BOUNCED, Status.COMPLAINED})
    SECRET_KINDS = frozenset({Kind.ACCOUNT, Kind.PASSWORD_RESET})

    recipient = models.CharField(_("to"), max_length=320)
    recipient_key = models.TextField(editable=False)
    sender = models.CharField(_("from"), max_length=320, blank=True)
    headers = models.JSONField(_("headers"), default=dict, blank=True)
    kind = models.CharField(_("kind"), max_length=30, choices=Kind)
    language = models.CharField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=400, blank=True)
    text = models.TextField(_("text"), blank=True)
    html = models.TextField(_("HTML"), blank=True)
    # What the text is about beside `about`, and the names of what is attached (customers/mail/attachments.py).
    data = models.JSONField(_("data"), default=dict, db_default={}, blank=True)
    about_type = models.ForeignKey(ContentType, models.CASCADE, null=True, blank=True, related_name="+")
    about_id = models.PositiveBigIntegerField(null=True, blank=True)
    about = GenericForeignKey("about_type", "about_id")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    is_mass = models.BooleanField(_("of a mass action"), default=False, db_default=False, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, db_default=Now())
    error = models.TextField(_("reason"), blank=True)
    message_id = models.CharField(_("Message-ID"), max_length=255, unique=True)
    provider_id = models.CharField(_("answer of the mail server"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("written"), db_default=Now())
    queued_at = models.DateTimeField(_("queued"), db_default=Now())
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    # What the provider's webhooks say: that it arrived, that it came back or was marked as spam.
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    bounced_at = models.DateTimeField(_("bounced"), null=True, blank=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)
    text_removed_at = models.DateTimeField(_("text removed"), null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        default_permissions = ("view",)
        permissions = [
            ("resend_mail", _("Can send mails again")),
            ("write_mail", _("Can write mails to customers")),
        ]
        indexes = [
            # With the id: mails that one transaction writes have the same time.
            models.Index(fields=["is_mass", "next_attempt_at", "id"], condition=Q(status="queued"), name="mail_next"),
            models.Index(
                fields=["id"],
                condition=Q(status__in=["failed", "bounced", "complained"], dismissed_at=None),
                name="mail_not_arrived",
            ),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="mail_provider_id"),
            models.Index(fields=["status", "id"], name="mail_status"),
            models.Index(OpClass(F("recipient_key"), name="text_pattern_ops"), name="mail_recipient"),
            models.Index(fields=["about_type", "about_id"], name="mail_about"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="queued", next_attempt_at__isnull=False)
                | (~Q(status="queued") & Q(next_attempt_at=None)),
                name="mail_next_attempt",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or str(self.get_kind_display())

    def save(self, *args: Any, **options: Any) -> None:
        self.recipient_key = email_key(parseaddr(self.recipient)[1] or self.recipient)
        super().save(*args, **options)

    @property
    def sending(self) -> str:
        """Name this attempt at the mail, and all its retries; sent again by staff, it has another name."""
        return f"{self.message_id.strip('<>').partition('@')[0]}.{self.queued_at:%Y%m%d%H%M%S%f}"

    @property
    def state(self) -> str:
        """Return the status in words, where it is sent with what is known of its arrival."""
        arrived = self.status == self.Status.SENT and self.delivered_at
        return gettext("Delivered") if arrived else str(self.get_status_display())

    @property
    def has_secrets(self) -> bool:
        """Whether whoever reads it may do what its recipient may: set a password, confirm an e-mail, join the staff."""
        return self.kind in self.SECRET_KINDS

    @property
    def may_be_sent_again(self) -> bool:
        if self.status == self.Status.QUEUED or self.text_removed_at:
            return False
        return self.status in self.NOT_ARRIVED or not self.has_secrets


class MailTemplate(models.Model):
    """What staff changed of the mails of a kind; where a text is empty, the one that the program ships is used."""

    kind = models.CharField(_("kind"), max_length=30, choices=Mail.Kind, unique=True)
    enabled = models.BooleanField(_("Send these mails"), default=True, db_default=True)
    subject = models.CharField(_("subject"), max_length=400, blank=True, default="", db_default="")
    opening = models.TextField(_("text above"), blank=True, default="", db_default="")
    closing = models.TextField(_("text below"), blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("mail template")
        verbose_name_plural = _("mail templates")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self.get_kind_display())
