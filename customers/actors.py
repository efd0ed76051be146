"""Actors: who did something. Acts and events store a copy, so that history does not change with the users."""

from dataclasses import dataclass
from typing import Self, cast

from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from backoffice.activity.origin import Origin


class ActorKind(models.TextChoices):
    STAFF = "staff", _("Staff")
    CUSTOMER = "customer", _("Customer")
    API_KEY = "api_key", _("API key")
    SYSTEM = "system", _("System")
    STRIPE = "stripe", _("Stripe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """`label` is stored with the row and shown for ever."""

    kind: ActorKind
    label: str
    user_id: int | None = None
    address: str = ""  # the IP address, of a customer alone; not stored with the row

    @classmethod
    def staff(cls, user: models.Model) -> Self:
        return cls(kind=ActorKind.STAFF, label=str(user), user_id=user.pk)

    @property
    def columns(self) -> dict[str, str | int | None]:
        """The fields of `ByActor`, for `create(**by.columns)`."""
        return {"by_kind": self.kind.value, "by_label": self.label[:200], "by_user_id": self.user_id}

    @property
    def reference(self) -> str:
        """Name it in logs, where no person's name stands: `staff:5`, `customer:7`, `system`."""
        # The label of a key is what staff called the program, and its public prefix.
        known: object = self.label if self.kind is ActorKind.API_KEY else self.user_id
        return f"{self.kind.value}:{known}" if known else self.kind.value

    def origin(self, *, address: str = "", through: str = "") -> Origin:
        """Return who Activity says is behind what is written."""
        return Origin(
            by_kind=self.kind.value, by_label=self.label, by_user_id=self.user_id, address=address, through=through
        )


def actor(request: HttpRequest) -> Actor:
    """Return the signed-in member of staff: the admin lets nobody else in."""
    return Actor.staff(cast(models.Model, request.user))


SYSTEM = Actor(kind=ActorKind.SYSTEM, label="Pelcro Orders")
STRIPE = Actor(kind=ActorKind.STRIPE, label="Stripe")


class ByActor(models.Model):
    by_kind = models.CharField(_("by kind"), max_length=10, choices=ActorKind)
    # No foreign key constraint: checking it took a tenth of PostgreSQL's time in a bulk job. Should a user be deleted,
    # history keeps the id.
    by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("user"),
    )
    by_label = models.CharField(_("by"), max_length=200)

    class Meta:
        abstract = True

    @property
    def by(self) -> Actor:
        return Actor(kind=ActorKind(self.by_kind), label=self.by_label, user_id=self.by_user_id)
