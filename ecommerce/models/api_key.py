"""API keys of staff programs: stored as a hash, shown once, revocable, each with its own permissions."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import Actor, ActorKind

SCHEME = "po"
SEEN_EVERY = timedelta(minutes=1)


def hashed(secret: str) -> str:
    """Hash a secret. It is 256 random bits, so that a fast hash is as good as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """How API keys are created and found."""

    def create_key(self, *, name: str, permissions: list[str], by: Actor) -> tuple["ApiKey", str]:
        """Create a key; return it with its text, which is stored nowhere."""
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        key = self.create(name=name, prefix=prefix, hash=hashed(secret), permissions=permissions, made_by=str(by.label))
        return key, f"{SCHEME}_{prefix}_{secret}"

    def valid(self, text: str, *, at: datetime) -> "ApiKey | None":
        """Return the key of this text; None if it is unknown or revoked."""
        scheme, _first, rest = text.partition("_")
        prefix, _second, secret = rest.partition("_")
        found = self.filter(prefix=prefix).first() if scheme == SCHEME else None
        # Compared even where there is no key, so that the time taken gives nothing away.
        same = secrets.compare_digest(found.hash if found else hashed(""), hashed(secret))
        if found is None or not same or found.revoked_at is not None:
            return None
        self.filter(pk=found.pk).exclude(last_used_at__gt=at - SEEN_EVERY).update(last_used_at=at)
        return found

    def live(self) -> Self:
        """Keys that are not revoked."""
        return self.filter(revoked_at=None)


class ApiKey(models.Model):
    """A key of a staff program. `prefix` is its public part, by which it is found and shown."""

    class Permission(models.TextChoices):
        VIEW = "ecommerce.view_order", _("See orders")
        ADD = "ecommerce.add_order", _("Create orders")
        FULFILL = "ecommerce.fulfill_order", _("Fulfill orders")
        CANCEL = "ecommerce.cancel_order", _("Cancel orders")
        RETURN = "ecommerce.return_order", _("Return orders")
        ADDRESS = "ecommerce.correct_address", _("Correct addresses of orders")
        HOLD = "ecommerce.hold_order", _("Put orders on hold and release them")
        ORGANIZE = "ecommerce.organize_order", _("Tag, assign and annotate orders")
        REFUND = "billing.refund_payment", _("Refund orders")

    # Forty characters leave room for the prefix in Order.placed_by.
    name = models.CharField(_("name"), max_length=40)
    prefix = models.CharField(_("begins with"), max_length=8, unique=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)
    permissions = ArrayField(models.CharField(max_length=40, choices=Permission), verbose_name=_("permissions"))
    made_by = models.CharField(_("made by"), max_length=200, editable=False)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def actor(self) -> Actor:
        """Who acts when this key is used, as history names it."""
        return Actor(kind=ActorKind.API_KEY, label=str(self))

    def may(self, permission: str) -> bool:
        """Whether the key carries this permission."""
        return permission in self.permissions

    def revoke(self, *, at: datetime) -> None:
        """Refuse the key from now on, for good."""
        ApiKey.objects.live().filter(pk=self.pk).update(revoked_at=at)
        self.refresh_from_db()
