"""The mails on an order's page, and the message that staff write to its customer."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from billing.models import Document
from customers.mail import outbox
from customers.models import Mail
from ecommerce.models import Order, OrderEvent
from tests.support.admin import LIST, paid_row
from tests.support.forms import filled_in, sentences
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
AsRole = Callable[[str], Client]


def page(order: Order, last: str = "change/") -> str:
    return f"{LIST}{order.pk}/{last}"


def a_mail(order: Order, **fields: Any) -> Mail:
    (mail,) = outbox.write(
        EmailMessage("Your parcel", "x", None, [order.customer.email]), kind=Mail.Kind.OTHER, about=order
    )
    Mail.objects.filter(pk=mail.pk).update(**({"status": "sent", "next_attempt_at": None} | fields))
    return mail


def write(browser: Client, order: Order, **changes: Any) -> Any:
    typed = filled_in(browser.get(page(order, "write/")))
    typed |= {"subject": "About your mug", "text": "Hello Ada,\n\nit is blue."} | changes
    return browser.post(page(order, "write/"), typed, follow=True), typed


def test_every_mail_that_went_out_is_listed_with_what_became_of_it(as_role: AsRole) -> None:
    order = paid_row()
    mail = a_mail(order, status="bounced", error="It came back: No such user")
    outbox.write(
        EmailMessage("You were mentioned", "x", None, ["ana@example.com"]), kind=Mail.Kind.MENTION, about=order
    )
    shown = as_role("Support").get(page(order))
    assert f'href="/admin/customers/mail/{mail.pk}/change/"' in shown.content.decode()
    for words in ("Your parcel Bounced", "Other · ada@example.com", "It came back: No such user", "Send again"):
        assert words in sentences(shown)
    assert "You were mentioned" not in sentences(shown)


def test_a_mail_is_sent_again_from_the_order_and_one_is_back_there(as_role: AsRole) -> None:
    order = paid_row()
    mail, browser = a_mail(order), as_role("Support")
    answer = browser.post(f"/admin/customers/mail/{mail.pk}/again/", {"next": page(order)}, follow=True)
    assert answer.redirect_chain == [(page(order), 302)]
    assert len(deliver()) == 1
    assert Mail.objects.count() == 2


def test_who_may_not_see_mails_sees_none(as_role: AsRole, django_user_model: Any) -> None:
    order = paid_row()
    a_mail(order)
    assert "Write to the customer" not in sentences(as_role("Viewer").get(page(order)))
    assert "Your parcel" not in sentences(as_role("nobody").get(page(order)))


def test_a_message_is_sent_once_and_stands_in_the_history(as_role: AsRole) -> None:
    order, browser = paid_row(), as_role("Support")
    answer, typed = write(browser, order)
    assert "is on its way" in sentences(answer)
    browser.post(page(order, "write/"), typed)  # pressed twice

    (message,) = deliver()
    assert (message.to, message.subject) == (["ada@example.com"], "About your mug")
    assert "it is blue." in str(message.body)
    mail = Mail.objects.get()
    assert (mail.kind, mail.about) == ("message", order)
    event = OrderEvent.objects.get(order=order, kind="message_written")
    assert event.data == {"mail_id": mail.pk}
    shown = sentences(browser.get(page(order)))
    assert "Message to the customer About your mug support" in shown


def test_a_preview_shows_the_mail_and_sends_nothing(as_role: AsRole) -> None:
    order = paid_row()
    shown, _typed = write(as_role("Support"), order, preview="1", text="it is <blue>")
    assert "Preview: nothing was sent yet" in sentences(shown)
    assert "it is &lt;blue&gt;" in unescape(shown.content.decode())
    assert not Mail.objects.exists()
    # What was typed is still there.
    assert filled_in(shown)["text"] == "it is <blue>"


def test_the_orders_documents_may_be_attached_and_nothing_else(as_role: AsRole) -> None:
    order, other = paid_row(), paid_row("INV-000002", "pi_two")
    issued = {"status": "issued", "issued_at": order.created_at, "file": "x", "sha256": "x", "next_attempt_at": None}
    document = Document.objects.create(invoice=order.invoice, **issued)
    foreign = Document.objects.create(invoice=other.invoice, **issued)
    browser = as_role("Support")
    assert document.file_name in sentences(browser.get(page(order, "write/")))
    shown, _typed = write(browser, order, attachments=[f"document:{foreign.pk}"])
    assert "Select a valid choice" in sentences(shown)
    write(browser, order, attachments=[f"document:{document.pk}"])
    assert Mail.objects.get().data == {"attachments": [f"document:{document.pk}"]}


@pytest.mark.parametrize("missing", ["subject", "text"])
def test_a_message_says_something(as_role: AsRole, missing: str) -> None:
    shown, _typed = write(as_role("Support"), paid_row(), **{missing: " "})
    assert "This field is required." in sentences(shown)
    assert not Mail.objects.exists()


def test_writing_needs_its_permission(as_role: AsRole) -> None:
    order = paid_row()
    for role in ("Viewer", "Fulfillment", "Finance"):
        assert as_role(role).get(page(order, "write/")).status_code == 403
    assert as_role("Manager").get(page(order, "write/")).status_code == 200


def test_nobody_is_written_to_who_was_erased(as_role: AsRole) -> None:
    order = paid_row()
    order.customer.erased_at = order.created_at
    order.customer.save(update_fields=["erased_at"])
    browser = as_role("Support")
    assert "Write to the customer" not in sentences(browser.get(page(order)))
    assert browser.get(page(order, "write/")).status_code == 302


def test_the_customers_page_has_their_mails(as_role: AsRole) -> None:
    order = paid_row()
    a_mail(order)
    shown = sentences(as_role("Viewer").get(f"/admin/customers/customer/{order.customer_id}/change/"))
    assert "Your parcel Other Sent" in shown
    assert "All mails to this customer" in shown
