"""Who did something: an actor, frozen into every act and event, so that history can't be rewritten later."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ActorKind(models.TextChoices):
    """What sort of actor it was."""

    STAFF = "staff", _("Staff")
    CUSTOMER = "customer", _("Customer")
    API_KEY = "api_key", _("API key")
    SYSTEM = "system", _("System")
    STRIPE = "stripe", _("Stripe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody, or something, that acts: `label` is how it is shown, for ever."""

    kind: ActorKind
    label: str
    user_id: int | None = None

    @classmethod
    def staff(cls, user: models.Model) -> Self:
        """Name a member of staff who is signed in."""
        return cls(kind=ActorKind.STAFF, label=str(user), user_id=user.pk)

    @property
    def columns(self) -> dict[str, str | int | None]:
        """Give the columns of `ByActor` that hold this actor."""
        return {"by_kind": self.kind.value, "by_label": self.label[:200], "by_user_id": self.user_id}


SYSTEM = Actor(kind=ActorKind.SYSTEM, label="Pelcro Orders")
STRIPE = Actor(kind=ActorKind.STRIPE, label="Stripe")


class ByActor(models.Model):
    """A row that says who made it."""

    by_kind = models.CharField(_("by kind"), max_length=10, choices=ActorKind)
    # Should a user ever go, history keeps the number: to prove it took a tenth of PostgreSQL's time in a bulk job.
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
        """Give the actor back."""
        return Actor(kind=ActorKind(self.by_kind), label=self.by_label, user_id=self.by_user_id)
