"""The mailbox of the admin: what was sent, who may read it, and sending again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from customers.mail import attachments, outbox
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
    assert f'<iframe class="mail-html mail-wide mail-light" sandbox src="{page(mail, "html/?scheme=light")}"' in shown
    assert "alert(1)" not in shown
    assert "It is &lt;on&gt; its way" in browser.get(page(mail), {"part": "text"}).content.decode()

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
    shown = browser.get(page(mail), {"part": "text"})
    assert ("the-secret" in shown.content.decode()) is reads
    assert ("Administrators alone may read it." in sentences(shown)) is not reads
    assert browser.get(page(mail, "html/")).status_code == (200 if reads else 403)
    assert "the-secret" not in browser.get(LIST).content.decode()


def test_nobody_without_the_permission_sees_any(as_role: AsRole) -> None:
    mail, browser = a_mail(), as_role("nobody")
    for each in (LIST, page(mail), page(mail, "html/")):
        assert browser.get(each).status_code == 403


@pytest.mark.parametrize("status", ["failed", "bounced", "kept"])
def test_what_did_not_arrive_is_queued_again(as_role: AsRole, status: str) -> None:
    mail, browser = a_mail(status=status, error="x"), as_role("Support")
    assert "Send again" in sentences(browser.get(page(mail)))
    answer = browser.post(page(mail, "again/"), follow=True)

    (message,) = deliver()
    assert message.extra_headers["Message-ID"] == mail.message_id
    mail.refresh_from_db()
    assert (mail.status, Mail.objects.count()) == ("sent", 1)
    assert "1 mail is sent again." in sentences(answer)


def test_of_what_arrived_a_copy_is_sent_and_it_stays_as_it_was(as_role: AsRole) -> None:
    mail, browser = a_mail(), as_role("Support")
    browser.post(page(mail, "again/"))

    (message,) = deliver()
    assert (message.to, message.body) == ([mail.recipient], mail.text)
    assert message.extra_headers["Message-ID"] != mail.message_id
    assert set(Mail.objects.values_list("status", flat=True)) == {"sent"}


def test_it_goes_to_the_customers_new_email_and_needs_attention_no_more(as_role: AsRole) -> None:
    ada, other = make_customer(), make_customer("grace@example.com")
    mail = a_mail(status="bounced", bounced_at="2026-01-01T00:00Z")
    browser = as_role("Support")
    assert "This e-mail bounces." in sentences(browser.get(f"/admin/customers/customer/{ada.pk}/change/"))
    assert "This e-mail bounces." not in sentences(browser.get(f"/admin/customers/customer/{other.pk}/change/"))
    assert "Mails 1 did not arrive" in sentences(browser.get("/admin/"))
    assert [each.pk for each in browser.get(f"{LIST}?attention=1").context["cl"].result_list] == [mail.pk]

    ada.email = "ada@new.example.com"
    ada.save()
    browser.post(page(mail, "again/"))
    assert [message.to for message in deliver()] == [["ada@new.example.com"]]
    mail.refresh_from_db()
    assert (mail.status, mail.recipient) == ("bounced", "ada@example.com")
    assert "did not arrive" not in sentences(browser.get("/admin/"))
    assert "This e-mail bounces." not in sentences(browser.get(f"/admin/customers/customer/{ada.pk}/change/"))


def test_what_nobody_can_mend_is_dismissed(as_role: AsRole) -> None:
    make_customer()
    mail, browser = a_mail(status="failed"), as_role("Support")
    assert "Mails 1 did not arrive" in sentences(browser.get("/admin/"))
    answer = browser.post(page(mail, "dismiss/"), {"next": LIST}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "1 mail needs attention no more." in sentences(answer)
    assert "did not arrive" not in sentences(browser.get("/admin/"))
    assert as_role("Viewer").post(page(mail, "dismiss/")).status_code == 403


def test_nobody_is_led_away_from_the_admin(as_role: AsRole) -> None:
    mail = a_mail(status="failed")
    answer = as_role("Support").post(page(mail, "again/"), {"next": "https://evil.example.com/"})
    assert answer.headers["Location"] == page(mail)


def test_links_of_accounts_that_arrived_are_not_sent_again(as_role: AsRole) -> None:
    mail, browser = a_mail(Mail.Kind.ACCOUNT), as_role("Support")
    answer = browser.post(page(mail, "again/"), follow=True)
    assert "Left as they are" in sentences(answer)
    assert deliver() == []


def test_a_mail_is_seen_light_and_dark_wide_and_on_a_phone(as_role: AsRole) -> None:
    mail, browser = a_mail(), as_role("Viewer")
    Mail.objects.filter(pk=mail.pk).update(
        html="<meta name='color-scheme' content='light dark'><style>@media (prefers-color-scheme: dark) {p {}}</style>"
    )
    shown = browser.get(page(mail), {"scheme": "dark", "width": "phone"}).content.decode()
    assert "mail-phone mail-dark" in shown
    assert "html/?scheme=dark" in shown
    light, dark = (browser.get(page(mail, "html/"), {"scheme": each}).content.decode() for each in ("light", "dark"))
    assert "@media (max-width: 0) {p {}}" in light
    assert "@media (min-width: 0) {p {}}" in dark
    assert "only light" in light
    assert "only dark" in dark


def test_what_is_attached_can_be_saved(as_role: AsRole, monkeypatch: pytest.MonkeyPatch) -> None:
    file = attachments.Attachment("INV-000123.pdf", "application/pdf", b"%PDF-1.7 a file")
    monkeypatch.setitem(attachments._readers, "test", {"1": file}.get)
    mail, browser = a_mail(), as_role("Viewer")
    Mail.objects.filter(pk=mail.pk).update(data={"attachments": ["test:1", "test:gone"]})
    assert "INV-000123.pdf" in sentences(browser.get(page(mail)))
    saved = browser.get(page(mail, "attachment/0/"))
    assert (saved.content, saved["Content-Type"]) == (file.content, "application/octet-stream")
    assert saved["Content-Disposition"] == 'attachment; filename="INV-000123.pdf"'
    assert browser.get(page(mail, "attachment/1/")).status_code == 404
    assert as_role("nobody").get(page(mail, "attachment/0/")).status_code == 403

    def wait(_key: str) -> None:
        raise attachments.NotReadyError

    monkeypatch.setitem(attachments._readers, "test", wait)
    assert "still being made" in sentences(browser.get(page(mail)))


def test_many_are_sent_again_from_the_list(as_role: AsRole) -> None:
    failed, waiting = a_mail(status="failed"), a_mail(status="queued", next_attempt_at="2100-01-01T00:00Z")
    ticked = {"action": "send_again", "_selected_action": [failed.pk, waiting.pk]}
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
