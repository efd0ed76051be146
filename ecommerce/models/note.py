"""What staff write to each other about an order."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order


class OrderNote(ByActor):
    """A note of staff about an order, which customers never see."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="notes", verbose_name=_("order"))
    text = models.TextField(_("text"), blank=True)
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        default_permissions = ()

    def __str__(self) -> str:
        return self.text[:60]


class NoteMention(models.Model):
    """A user whom a note names. Unread until the user has opened it."""

    note = models.ForeignKey(OrderNote, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mentions", db_index=False)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["note", "user"], name="note_mention_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="note_mention_of_user"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="note_mention_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.note_id} {self.user_id}"


class NoteAttachment(models.Model):
    """A file of a note; `file` is its name in the storage of exports."""

    note = models.ForeignKey(OrderNote, models.PROTECT, related_name="attachments")
    name = models.CharField(_("name"), max_length=200)
    file = models.CharField(max_length=300, unique=True, editable=False)
    size = models.PositiveIntegerField(_("size in bytes"))

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
