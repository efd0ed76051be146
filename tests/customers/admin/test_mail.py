"""The mailbox of the admin: what was sent, who may read it, and sending again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from customers.mail import outbox
from customers.models import Mail
from tests.support.factories import make_customer
from tests.support.forms import sentences
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
LIST = "/admin/customers/mail/"
AsRole = Callable[[str], Client]


def a_mail(kind: Mail.Kind = Mail.Kind.OTHER, to: str = "ada@example.com", **fields: Any) -> Mail:
    message = EmailMultiAlternatives("Your parcel", "It is <on> its way: the-secret", None, [to])
    message.attach_alternative("<h1>On its way</h1><script>alert(1)</script>", "text/html")
    (mail,) = outbox.write(message, kind=kind)
    Mail.objects.filter(pk=mail.pk).update(**({"status": "sent", "next_attempt_at": None} | fields))
    mail.refresh_from_db()
    return mail


def page(mail: Mail, last: str = "change/") -> str:
    return f"{LIST}{mail.pk}/{last}"


def test_the_list_says_what_became_of_each(as_role: AsRole) -> None:
    a_mail()
    a_mail(to="grace@example.com", status="failed", error="The mail server refused it: 550 No such user")
    browser = as_role("Viewer")

    assert "Sent 1" in sentences(browser.get(LIST))
    assert "The mail server refused it: 550 No such user" in sentences(browser.get(LIST))
    (found,) = browser.get(f"{LIST}?q=GRACE@").context["cl"].result_list
    assert found.recipient == "grace@example.com"
    (found,) = browser.get(f"{LIST}?status__exact=sent").context["cl"].result_list
    assert found.recipient == "ada@example.com"


def test_a_mail_is_shown_as_its_recipient_sees_it_and_runs_nothing(as_role: AsRole) -> None:
    mail, browser = a_mail(), as_role("Viewer")
    shown = browser.get(page(mail)).content.decode()
    assert "It is &lt;on&gt; its way" in shown
    assert f'<iframe class="mail-html" sandbox src="{page(mail, "html/")}"' in shown
    assert "alert(1)" not in shown

    html = browser.get(page(mail, "html/"))
    assert html.content.decode().startswith("<h1>On its way</h1>")
    assert html["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert html["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("kind", sorted(Mail.SECRET_KINDS))
@pytest.mark.parametrize(("role", "reads"), [("Viewer", False), ("Manager", False), ("admin", True)])
def test_links_of_accounts_are_read_by_administrators_alone(
    as_role: AsRole, kind: Mail.Kind, role: str, *, reads: bool
) -> None:
    mail, browser = a_mail(kind, status="failed"), as_role(role)
    shown = browser.get(page(mail))
    assert ("the-secret" in shown.content.decode()) is reads
    assert ("Administrators alone may read it." in sentences(shown)) is not reads
    assert browser.get(page(mail, "html/")).status_code == (200 if reads else 403)
    assert "the-secret" not in browser.get(LIST).content.decode()


def test_nobody_without_the_permission_sees_any(as_role: AsRole) -> None:
    mail, browser = a_mail(), as_role("nobody")
    for each in (LIST, page(mail), page(mail, "html/")):
        assert browser.get(each).status_code == 403


@pytest.mark.parametrize(("status", "count"), [("failed", 1), ("bounced", 1), ("kept", 1), ("sent", 0)])
def test_what_did_not_arrive_is_sent_again_and_nothing_else(as_role: AsRole, status: str, count: int) -> None:
    mail, browser = a_mail(status=status, error="x"), as_role("Support")
    assert ("Send again" in sentences(browser.get(page(mail)))) is bool(count)
    answer = browser.post(page(mail, "again/"), follow=True)

    assert len(deliver()) == count
    mail.refresh_from_db()
    assert mail.status == "sent"
    assert (f"{count} mail{'' if count == 1 else 's'}") in sentences(answer)


def test_many_are_sent_again_from_the_list(as_role: AsRole) -> None:
    failed, arrived = a_mail(status="failed"), a_mail()
    ticked = {"action": "send_again", "_selected_action": [failed.pk, arrived.pk]}
    answer = as_role("Support").post(LIST, ticked, follow=True)

    assert "1 mail is sent again. Left as they are" in sentences(answer)
    assert len(deliver()) == 1


@pytest.mark.parametrize("status", ["failed", "kept"])
def test_without_a_mail_server_nothing_is_said_to_be_sent(as_role: AsRole, settings: Any, status: str) -> None:
    settings.MAIL_BACKEND = ""
    mail, browser = a_mail(status=status), as_role("Support")
    assert "Send again" not in sentences(browser.get(page(mail)))
    answer = browser.post(LIST, {"action": "send_again", "_selected_action": [mail.pk]}, follow=True)

    assert "Nothing was sent: no mail server is configured. Set EMAIL_URL first." in sentences(answer)
    mail.refresh_from_db()
    assert mail.status == status


def test_sending_again_needs_its_permission(as_role: AsRole) -> None:
    mail, browser = a_mail(status="failed"), as_role("Viewer")
    assert "Send again" not in sentences(browser.get(page(mail)))
    assert browser.post(page(mail, "again/")).status_code == 403
    browser.post(LIST, {"action": "send_again", "_selected_action": [mail.pk]})
    mail.refresh_from_db()
    assert mail.status == "failed"


def test_a_mail_leads_to_its_customer(as_role: AsRole) -> None:
    customer = make_customer()
    shown = as_role("Viewer").get(page(a_mail())).content.decode()
    assert f'href="/admin/customers/customer/{customer.pk}/change/"' in shown


def test_a_text_that_was_removed_says_why(as_role: AsRole) -> None:
    mail = a_mail(Mail.Kind.ACCOUNT, status="failed", text="", html="", text_removed_at="2026-01-01T00:00Z")
    shown = sentences(as_role("admin").get(page(mail)))
    assert "The text was removed some days after it was written" in shown
    assert "Send again" not in shown
