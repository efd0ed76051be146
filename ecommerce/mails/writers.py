"""Write the mails about orders: the texts of staff, or those that the program ships, with what each kind lists."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from billing.documents.make import when_issued
from customers.mail import attachments, layout, text_templates, writers
from customers.mail.text_templates import Names
from customers.mail.writers import Content
from customers.models import Mail, MailTemplate
from ecommerce.mails import facts, files, follow_up
from ecommerce.mails.letters import Letter
from ecommerce.mails.letters_by_kind import LETTERS
from ecommerce.mails.parts import REAL
from ecommerce.mails.sender import read_sender
from ecommerce.mails.texts import TEXTS

logger = logging.getLogger(__name__)
FIELDS = ("subject", "opening", "closing")


def register() -> None:
    for kind in LETTERS:
        writers.register(kind, write)
    attachments.register(files.PREFIX, files.read)
    layout.register_sender(read_sender)
    when_issued(follow_up.document_issued)


def write(mail: Mail) -> Content:
    if mail.about_id is None:
        raise writers.NotNeededError
    letter = LETTERS[mail.kind](facts.read_order(mail.about_id), mail.data, REAL)
    content = compose(mail.kind, letter, MailTemplate.objects.filter(kind=mail.kind).first())
    late = letter.data.get("follows")
    return replace(content, then=partial(follow_up.send_if_issued, late, mail.about_id)) if late else content


def compose(kind: str, letter: Letter, template: MailTemplate | None) -> Content:
    """Put texts and sections together; `template` is what staff have changed."""
    subject, opening, closing = (_text(kind, name, letter.names, template) for name in FIELDS)
    subject = " ".join(subject.split())
    context = {
        "subject": subject,
        "opening": layout.paragraphs(opening),
        "closing": layout.paragraphs(closing),
        "sections": letter.sections,
        "notes": letter.notes,
    }
    return Content(
        subject=subject,
        text=_plain(opening, letter, closing),
        html=layout.render("mail/order.html", context),
        data=letter.data,
    )


def _text(kind: str, name: str, names: Names, template: MailTemplate | None) -> str:
    own, shipped = str(getattr(template, name, "")), str(getattr(TEXTS[kind], name))
    try:
        return text_templates.render(own or shipped, names)
    except Exception:
        # Checked when it was saved: a later version may have taken a placeholder away. The mail goes out all the same.
        logger.exception("The %s of the mails %s can't be filled in; the one that is shipped is used.", name, kind)
        return text_templates.render(shipped, names)


def _plain(opening: str, letter: Letter, closing: str) -> str:
    sections = render_to_string("mail/order.txt", {"sections": letter.sections})
    sender = layout.sender()
    signature = "\n".join(["-- ", sender.name, *sender.lines])
    blocks: Iterable[str] = (opening, sections, "\n".join(letter.notes), closing, _test_note(sender), signature)
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def _test_note(sender: layout.Sender) -> str:
    return _("This is a test shop: nothing is sold, and no money moves.") if sender.is_test else ""
