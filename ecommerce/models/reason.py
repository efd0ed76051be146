"""The reasons that staff and customers choose from."""

from collections.abc import Sequence

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReasonQuerySet(models.QuerySet["Reason"]):
    """Which reasons are offered."""

    def texts(self, kind: "Reason.Kind | str") -> Sequence[str]:
        """Return the active reasons of a kind, in their order."""
        return list(self.filter(kind=kind, active=True).order_by("position", "pk").values_list("text", flat=True))


class Reason(models.Model):
    """Why something is returned, canceled or refunded. Acts store the text: changing it changes no act."""

    class Kind(models.TextChoices):
        RETURN = "return", _("Return")
        CANCEL = "cancel", _("Cancellation")
        REFUND = "refund", _("Refund")

    kind = models.CharField(_("of what"), max_length=10, choices=Kind)
    text = models.CharField(_("text"), max_length=100)
    active = models.BooleanField(_("active"), default=True, help_text=_("Whether it is offered."))
    position = models.PositiveSmallIntegerField(_("position"), default=10, help_text=_("The lowest is offered first."))

    objects = ReasonQuerySet.as_manager()

    class Meta:
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")
        constraints = [
            models.UniqueConstraint(
                "kind",
                models.functions.Lower("text"),
                name="reason_once",
                violation_error_message=_("This reason is there already."),
            )
        ]

    def __str__(self) -> str:
        return self.text
