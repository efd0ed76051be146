"""Notes of staff about orders: written with their files, their mentions and the mails to the mentioned."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import file_storage
from customers.actors import Actor
from customers.mail import outbox
from customers.models import Mail, User
from ecommerce.models import NoteAttachment, NoteMention, Order, OrderEvent, OrderNote
from ecommerce.orders.assign import assignees
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record

logger = logging.getLogger(__name__)

FOLDER = "order-notes"
STAFF_BACKEND = "django.contrib.auth.backends.ModelBackend"
MAX_LENGTH = 5_000
MAX_FILE_BYTES = 10_000_000
MAX_FILES = 5
ORPHANED_AFTER = timedelta(days=1)
MENTION = re.compile(r"(?<![\w@.+-])@([\w@.+-]+)")  # the letters of Django's usernames


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as it was uploaded."""

    name: str
    size: int
    content: File  # type: ignore[type-arg]  # generic in the stubs alone


def add_note(*, order_id: int, text: str, files: Sequence[NewFile] = (), by: Actor, at: datetime) -> OrderNote:
    """Write a note, tell whom it mentions, and keep its files; raise OrderError or StorageUnavailable."""
    text = text.strip()
    _check(text, files)
    # Outside of the transaction: the storage may be slow. What a crash leaves behind is removed within a day.
    saved = [(file, _save(file)) for file in files]
    try:
        with transaction.atomic():
            return _write(order_id, text, saved, by=by, at=at)
    except Exception:
        file_storage.delete([name for _file, name in saved])
        raise


def _check(text: str, files: Sequence[NewFile]) -> None:
    if not text and not files:
        raise OrderError("invalid_note", _("Write a note, or attach a file."), field="text")
    if len(text) > MAX_LENGTH:
        sentence = _("A note has at most %(most)s letters; this one has %(length)s.")
        raise OrderError("invalid_note", sentence % {"most": MAX_LENGTH, "length": len(text)}, field="text")
    if len(files) > MAX_FILES:
        raise OrderError("invalid_note", _("Attach at most %(most)d files.") % {"most": MAX_FILES}, field="files")
    for file in files:
        if file.size > MAX_FILE_BYTES:
            sentence = _("%(name)s has more than 10 MB. Attach a smaller file.")
            raise OrderError("invalid_note", sentence % {"name": file.name[:60]}, field="files")


def _save(file: NewFile) -> str:
    return file_storage.save(f"{FOLDER}/{uuid4().hex}", file.content)


def _write(order_id: int, text: str, saved: Sequence[tuple[NewFile, str]], *, by: Actor, at: datetime) -> OrderNote:
    order = Order.objects.locked().select_related("customer").get(pk=order_id)
    if order.customer.erased_at:
        raise OrderError("erased", _("The customer of this order was erased: nothing is written about it any more."))
    note = OrderNote.objects.create(order=order, text=text, at=at, **by.columns)
    NoteAttachment.objects.bulk_create(
        NoteAttachment(note=note, name=_shown_name(file.name), file=name, size=file.size) for file, name in saved
    )
    # Its text is not repeated in the history, which is never changed.
    record(order, OrderEvent.Kind.NOTE_ADDED, by=by, at=at, note_id=note.pk)
    for user in mentioned(text):
        NoteMention.objects.create(note=note, user=user)
        if user.pk != by.user_id and user.email:
            _mail(user, note, by)
    return note


def _shown_name(name: str) -> str:
    cleaned = re.sub(r"[\x00-\x1f\x7f/\\\"]", "_", name).strip() or "file"
    return cleaned[-200:]


def colleagues() -> Any:
    """Return the active members of staff, each with whether they may see orders, and so be mentioned."""
    allowed = User.objects.with_perm("ecommerce.view_order", backend=STAFF_BACKEND)
    return assignees().annotate(may_see=Exists(allowed.filter(pk=OuterRef("pk"))))


def mentioned(text: str) -> list[User]:
    """Return the users whose @username is in a text, each once."""
    typed = MENTION.findall(text)
    if not typed:
        return []
    by_name = {user.username.lower(): user for user in colleagues() if user.may_see}
    found = (next((by_name[name] for name in _possible(each.lower()) if name in by_name), None) for each in typed)
    return list(dict.fromkeys(user for user in found if user))


def unknown_mentions(text: str) -> list[str]:
    """Return what looks like a mention in a text, and is nobody's username."""
    known = {user.username.lower() for user in mentioned(text)}
    return [f"@{each}" for each in MENTION.findall(text) if not known & {n.lower() for n in _possible(each)}]


def _possible(typed: str) -> Iterator[str]:
    """Yield a username as it was typed, then without the punctuation that ends a sentence."""
    yield typed
    while typed and typed[-1] in ".-+@":
        typed = typed[:-1]
        yield typed


def _mail(user: User, note: OrderNote, by: Actor) -> None:
    values = {"who": by.label, "number": note.order.number}
    url = settings.BASE_URL + reverse("admin:ecommerce_order_change", args=[note.order_id])
    subject = _("%(who)s mentioned you in a note of order %(number)s") % values
    body = f"{subject}:\n\n{note.text}\n\n{url}\n"
    outbox.write(EmailMessage(subject, body, None, [user.email]), kind=Mail.Kind.MENTION, about=note.order)


def unread_mentions(user: Any) -> Any:
    """Return the newest notes first in which somebody is mentioned and which they have not opened."""
    unread = NoteMention.objects.filter(user=user, read_at=None).order_by("-pk")
    return unread.select_related("note__order").only("note__text", "note__by_label", "note__at", "note__order__number")


def open_mention(*, mention_id: int, user: User, at: datetime) -> NoteMention | None:
    """Mark a mention as read, and return it; None where it is somebody else's."""
    mention = NoteMention.objects.filter(pk=mention_id, user=user).select_related("note").first()
    if mention:
        NoteMention.objects.filter(pk=mention_id, read_at=None).update(read_at=at)
    return mention


def delete_notes(order_ids: Sequence[int]) -> None:
    """Delete the notes of orders, their files first; raise OSError where a file can't be deleted now."""
    attachments = NoteAttachment.objects.filter(note__order__in=order_ids)
    if file_storage.delete(list(attachments.values_list("file", flat=True))):
        raise OSError("Files of notes can't be deleted now.")
    attachments.delete()
    OrderNote.objects.filter(order__in=order_ids).delete()


def remove_orphans(*, at: datetime) -> int:
    """Remove files that a crash left without a note; return how many."""
    removed = 0
    for name in file_storage.names_in(FOLDER):
        path = f"{FOLDER}/{name}"
        if not NoteAttachment.objects.filter(file=path).exists() and file_storage.is_older(path, at - ORPHANED_AFTER):
            removed += not file_storage.delete([path])
    return removed
