"""Notes of staff about orders."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from backoffice import file_storage as storage
from backoffice.file_storage import open_file
from customers.actors import Actor
from customers.models import Mail
from ecommerce import notes
from ecommerce.models import NoteAttachment, NoteMention, Order, OrderNote
from ecommerce.notes import NewFile, add_note, mentioned, unknown_mentions
from tests.support.admin import order_row
from tests.support.factories import ANA, make_staff
from tests.support.order_acts import kinds, refused

pytestmark = pytest.mark.django_db(transaction=True)


def a_file(name: str = "label.pdf", content: bytes = b"%PDF-1.7") -> NewFile:
    return NewFile(name=name, size=len(content), content=SimpleUploadedFile(name, content))


def noted(order: Order, text: str, *files: NewFile) -> OrderNote:
    return add_note(order_id=order.pk, text=text, files=files, by=ANA, at=timezone.now())


def test_a_note_is_kept_with_its_file_and_its_event_repeats_nothing() -> None:
    order = order_row("paid")
    note = noted(order, " Called, no answer ", a_file('../la"bel.pdf'))

    attachment = NoteAttachment.objects.get(note=note)
    assert (note.text, note.by_label, attachment.name, attachment.size) == (
        "Called, no answer",
        "Ana",
        ".._la_bel.pdf",
        8,
    )
    file = open_file(attachment.file)
    assert file is not None
    with file:
        assert file.read() == b"%PDF-1.7"
    assert kinds(order) == ["note_added"]
    assert order.events.get().data == {"note_id": note.pk}


def test_the_mentioned_are_told_by_mail_and_in_their_list() -> None:
    ben = make_staff("ben.b", "ecommerce.view_order")
    type(ben).objects.filter(pk=ben.pk).update(email="ben@example.com")
    make_staff("eve")  # may not see orders
    order = order_row("paid")
    text = "@Ben.B. please look; not mail@ben.b, nor @eve or @nobody"
    noted(order, text)

    mention = NoteMention.objects.get()
    assert mention.user == ben
    mail = Mail.objects.get()
    assert (mail.recipient, mail.kind, mail.about) == ("ben@example.com", "mention", order)
    assert f"/admin/ecommerce/order/{order.pk}/change/" in mail.text
    assert unknown_mentions(text) == ["@eve", "@nobody"]
    assert notes.open_mention(mention_id=mention.pk, user=make_staff("cleo"), at=timezone.now()) is None
    assert list(notes.unread_mentions(ben)) == [mention]
    notes.open_mention(mention_id=mention.pk, user=ben, at=timezone.now())
    assert not notes.unread_mentions(ben)


def test_who_mentions_themselves_gets_no_mail() -> None:
    ben = make_staff("ben", "ecommerce.view_order")
    type(ben).objects.filter(pk=ben.pk).update(email="ben@example.com")
    add_note(order_id=order_row("paid").pk, text="@ben", by=Actor.staff(ben), at=timezone.now())
    assert mentioned("@ben @BEN") == [ben]
    assert not Mail.objects.exists()


def test_what_is_too_much_or_nothing_is_refused() -> None:
    order = order_row("paid")
    large = NewFile(name="film.mp4", size=notes.MAX_FILE_BYTES + 1, content=SimpleUploadedFile("film.mp4", b"x"))
    for text, files in (("  ", []), ("x" * 5001, []), ("", [large]), ("", [a_file()] * 6)):
        with refused("invalid_note"):
            noted(order, text, *files)
    assert not OrderNote.objects.exists()


def test_nothing_is_written_about_who_was_erased() -> None:
    order = order_row("paid")
    type(order.customer).objects.filter(pk=order.customer_id).update(erased_at=timezone.now())
    before = storage.names_in(notes.FOLDER)
    with refused("erased"):
        noted(order, "", a_file())
    assert storage.names_in(notes.FOLDER) == before


def test_files_that_a_crash_left_are_removed_and_others_stay() -> None:
    kept = noted(order_row("paid"), "", a_file()).attachments.get().file
    orphan = storage.save(f"{notes.FOLDER}/orphan", SimpleUploadedFile("x", b"x"))
    now = timezone.now()

    assert notes.remove_orphans(at=now) == 0  # it may be one of a note that is being written
    assert notes.remove_orphans(at=now + notes.ORPHANED_AFTER * 2) >= 1
    left = storage.names_in(notes.FOLDER)
    assert (kept.split("/")[1] in left, orphan.split("/")[1] in left) == (True, False)
