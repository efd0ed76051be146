"""The log of all that people and programs did beside orders, whose acts have a history of their own."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ActivityWords(models.Func):
    """What the page is searched by (backoffice/migrations/0001_activity.py)."""

    function = "activity_words"
    output_field = SearchVectorField()


WORD_FIELDS = ("by_label", "object_label", "through", "note", "address", "changes")


class Activity(models.Model):
    """`changes` maps a field's name to [old, new]; amounts are in the minor unit of `currency`.

    Written by triggers and `record`; a trigger refuses any change (`activity_erase` aside). As in all history, users
    are named by number, without a foreign key (docs/decisions/0007).
    """

    class ByKind(models.TextChoices):
        STAFF = "staff", _("Staff")
        CUSTOMER = "customer", _("Customer")
        API_KEY = "api_key", _("API key")
        SYSTEM = "system", _("System")
        STRIPE = "stripe", _("Stripe")
        COMMAND = "command", _("Command line")
        DATABASE = "database", _("Database")

    class Kind(models.TextChoices):
        PRICE = "price", _("Prices")
        STOCK = "stock", _("Stock")
        CATALOGUE = "catalogue", _("Products and SKUs")
        COUPON = "coupon", _("Coupons")
        SHIPPING = "shipping", _("Shipping")
        TAX = "tax", _("Tax rates")
        CUSTOMER = "customer", _("Customers")
        ADDRESS = "address", _("Addresses")
        RIGHT = "right", _("Rights and roles")
        STAFF = "staff", _("Users")
        KEY = "key", _("API keys")
        IMPORT = "import", _("Imports")
        EXPORT = "export", _("Exports")
        SETTING = "setting", _("Settings")
        JOB = "job", _("Bulk jobs")
        WEBHOOK = "webhook", _("Webhooks")
        MAIL = "mail", _("Mails")
        DIFFERENCE = "difference", _("Differences")
        SIGN_IN = "sign_in", _("Sign-ins")

    class Act(models.TextChoices):
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        DELETED = "deleted", _("Deleted")
        STARTED = "started", _("Started")
        STOPPED = "stopped", _("Stopped")
        RESUMED = "resumed", _("Resumed")
        RETRIED = "retried", _("Retried")
        IMPORTED = "imported", _("Imported")
        EXPORTED = "exported", _("Exported")
        DOWNLOADED = "downloaded", _("Downloaded")
        SENT_AGAIN = "sent_again", _("Sent again")
        ENDED = "ended", _("Ended")
        SIGNED_IN = "signed_in", _("Signed in")
        SIGNED_OUT = "signed_out", _("Signed out")
        SIGN_IN_FAILED = "sign_in_failed", _("Failed to sign in")

    at = models.DateTimeField(_("when"), db_default=Now(), editable=False)
    by_kind = models.CharField(_("by kind"), max_length=10, choices=ByKind)
    by_user_id = models.BigIntegerField(_("user"), null=True)
    by_label = models.CharField(_("who"), max_length=200)
    address = models.CharField(_("from where"), max_length=45, db_default="")
    through = models.CharField(_("through"), max_length=200, db_default="")
    act = models.CharField(_("act"), max_length=20, choices=Act)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    object_type = models.CharField(_("object"), max_length=60, db_default="")
    object_id = models.BigIntegerField(null=True)
    object_label = models.CharField(max_length=200, db_default="")
    currency = models.CharField(max_length=3, db_default="")
    changes = models.JSONField(_("old and new"), default=dict)
    note = models.TextField(_("note"), db_default="")

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activity")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["kind", "-id"], name="activity_kind"),
            models.Index(fields=["by_user_id", "-id"], name="activity_by"),
            models.Index(fields=["by_kind", "-id"], name="activity_by_kind"),
            models.Index(fields=["object_type", "object_id", "-id"], name="activity_object"),
            models.Index(fields=["at"], name="activity_at"),
            GinIndex(ActivityWords(*WORD_FIELDS), name="activity_search"),
        ]

    def __str__(self) -> str:
        return f"{self.by_label}: {self.get_act_display().lower()} {self.object_label}".strip()


class ProcessLease(models.Model):
    """Work that one process does at a time (`backoffice/process_leases.py`)."""

    name = models.CharField(primary_key=True, max_length=100)
    holder = models.UUIDField()
    ends_at = models.DateTimeField()

    objects: ClassVar[models.Manager["ProcessLease"]] = models.Manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class RetentionRun(models.Model):
    """What the last run of a rule of retention removed (backoffice/retention.py), one row for each rule.

    While `finished_at` is empty, more is left than one turn of a worker could remove, and another one goes on.
    """

    kind = models.CharField(_("kind"), max_length=40, unique=True)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    removed = models.PositiveBigIntegerField(_("removed"), default=0)
    milliseconds = models.PositiveBigIntegerField(_("took"), default=0)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("run of retention")
        verbose_name_plural = _("runs of retention")
        default_permissions = ()

    def __str__(self) -> str:
        return self.kind
