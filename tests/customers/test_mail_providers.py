"""Mail by a provider's API, over real sockets: what it says, does not say, and says later by its webhooks."""

import base64
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.core.mail import send_mail
from django.db.models import F
from django.test import Client, override_settings

from customers.mail import deadline, delivery, outbox, transport
from customers.mail.attention import NEEDS_ATTENTION, bounce_of
from customers.models import Customer, Mail
from tests.support.factories import make_customer
from tests.support.mail_provider import WEBHOOK_SECRET, Provider, mail_provider

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Its makers can't try SendGrid any more (django-anymail's issue 432).
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]
INACTIVE = json.dumps(
    {
        "ErrorCode": 406,
        "Message": "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses:"
        " ada@example.com. Inactive recipients are ones that have generated a hard bounce.",
    }
)
URLS = [
    "postmark://token@", "mailgun://key@mg.example.com", "sendgrid://key@", "ses://id:secret@eu-west-1",
    "brevo://key@", "mailjet://key:secret@", "mailtrap://token@", "mandrill://key@", "resend://key@",
    "sparkpost://key@",
]  # fmt: skip


@pytest.fixture
def provider() -> Iterator[Provider]:
    with mail_provider() as provider, override_settings(**provider.settings()):
        yield provider


def write(to: str = "ada@example.com") -> Mail:
    send_mail("Hello", "A text.", None, [to], html_message="<p>A text.</p>")
    return Mail.objects.latest("pk")


def turn() -> None:
    delivery.send_due(until=math.inf)


def due_now() -> None:
    cache.clear()
    Mail.objects.filter(status="queued").update(next_attempt_at=F("queued_at"))


def sent(provider: Provider) -> Mail:
    mail = write()
    turn()
    mail.refresh_from_db()
    assert mail.status == "sent"
    return mail


@pytest.mark.parametrize("url", URLS)
def test_each_provider_takes_a_mail_and_its_id_is_kept(provider: Provider, url: str) -> None:
    key = "key" if url.startswith(("mailgun", "mandrill")) else ""
    with override_settings(**provider.settings(url, key=key)):
        mail = sent(provider)
    (request,) = provider.requests
    assert mail.provider_id == "P1" or url.startswith("sendgrid")  # which has none: anymail makes one
    assert mail.provider_id
    assert "A text." in unquote_plus(request.body) or url.startswith("ses")
    if not url.startswith("ses"):
        assert request.sending == mail.sending
        assert request.headers["idempotency-key"] == mail.sending


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((422, INACTIVE), "failed", "The mail server refused it: it sends nothing to this e-mail any more"),
        ((422, '{"ErrorCode": 300, "Message": "bad"}'), "failed", "The mail server refused it: 422"),
        ((400, '{"Message": "bad"}'), "failed", 'The mail server refused it: 400 {"Message": "bad"}'),
        ((500, "oops"), "queued", "The mail server put it off: 500 oops"),
        ((403, "not yet"), "queued", "The mail server put it off: 403 not yet"),
        ((401, "who?"), "queued", "The mail server is away: 401 who?."),
        ((503, "closed"), "queued", "The mail server is away: 503 closed."),
        ("hang", "queued", "The mail server is away: it does not answer in time."),
        ("lose", "queued", "The mail server is away: it can't be reached, or hung up."),
        ("mumble", "queued", "The mail server put it off: its answer is not understood"),
    ],
)
def test_what_a_provider_answers_decides(provider: Provider, answer: Any, status: str, says: str) -> None:
    provider.answers.append(answer)
    mail = write()
    turn()
    mail.refresh_from_db()
    assert mail.status == status
    assert mail.error.startswith(says)
    if status == "queued":
        due_now()
        turn()
        mail.refresh_from_db()
        assert (mail.status, mail.error, mail.attempts) == ("sent", "", 2)


def test_a_provider_that_says_no_in_a_yes_has_refused(provider: Provider) -> None:
    with override_settings(**provider.settings("mailjet://key:secret@")):
        provider.answers.append((200, '{"Messages": [{"Status": "error", "Errors": [{"ErrorMessage": "no"}]}]}'))
        mail = write()
        turn()
    mail.refresh_from_db()
    assert (mail.status, "ErrorMessage" in mail.error) == ("failed", True)


def test_a_provider_that_wants_fewer_a_second_is_asked_a_little_later(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PAUSE", 0.3)
    provider.answers.append((429, "slow down"))
    first, began = write(), time.monotonic()
    second = write()
    turn()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.attempts, second.status) == ("sent", 2, "sent")
    assert time.monotonic() - began > 0.3


def test_a_provider_that_answers_drop_by_drop_ends(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "CONNECTION_SECONDS", 1.2)
    provider.answers.append("drip")
    mail, began = write(), time.monotonic()
    turn()
    assert 1 < time.monotonic() - began < 8
    mail.refresh_from_db()
    assert (mail.status, mail.attempts) == ("queued", 1)


def test_a_provider_that_can_tell_sends_once_though_its_answer_was_lost(provider: Provider) -> None:
    with override_settings(**provider.settings("resend://key@")):
        provider.answers += ["lose", "mumble"]
        mail = write()
        for _ in range(3):
            turn()
            due_now()
        mail.refresh_from_db()
        assert (mail.status, len(provider.requests), len(provider.mails)) == ("sent", 3, 1)
        # Sent again by staff, it is another sending: the provider is not to take it for the same.
        Mail.objects.update(status="bounced")
        outbox.send_again([mail.pk])
        turn()
        assert len(provider.mails) == 2


def event(kind: str, mail: Mail, *, at: str = "2026-11-28T10:00:00Z", sending: str | None = None) -> dict[str, Any]:
    """Give a call of Postmark's webhook."""
    metadata = {"sending": mail.sending if sending is None else sending}
    times = dict.fromkeys(("DeliveredAt", "BouncedAt"), at)
    said = {"Bounce": {"Type": "HardBounce"}, "SpamComplaint": {"Type": "SpamComplaint"}}.get(kind, {})
    return {
        "RecordType": kind, "MessageID": mail.provider_id or "P9", "Recipient": mail.recipient,
        "Email": mail.recipient, "Description": "No such user", "Metadata": metadata, **times, **said,
    }  # fmt: skip


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def post(body: Any, *, secret: str = WEBHOOK_SECRET, to: str = "postmark") -> int:
    headers = {"Authorization": basic(secret)} if secret else {}
    data = body if isinstance(body, str) else json.dumps(body)
    answer = Client().post(f"/webhooks/mail/{to}/", data, content_type="application/json", headers=headers)
    return answer.status_code


def test_a_mail_that_arrived_although_the_answer_was_lost_is_not_sent_again(provider: Provider) -> None:
    provider.answers.append("lose")
    mail = write()
    turn()
    assert post(event("Delivery", mail)) == 200
    due_now()
    turn()
    mail.refresh_from_db()
    assert (mail.status, mail.state, mail.provider_id, len(provider.requests)) == ("sent", "Delivered", "P9", 1)


def test_a_bounce_is_on_the_mail_and_the_customer_until_the_email_is_changed(provider: Provider) -> None:
    ada = make_customer()
    mail = sent(provider)
    assert post(event("Bounce", mail)) == 200
    mail.refresh_from_db()
    assert (mail.status, mail.error) == ("bounced", "It came back: No such user")
    assert bounce_of(ada.email) == mail
    assert Mail.objects.filter(NEEDS_ATTENTION).get() == mail

    Customer.objects.filter(pk=ada.pk).update(email="other@example.com")
    assert not Mail.objects.filter(NEEDS_ATTENTION).exists()
    assert bounce_of("other@example.com") is None


def test_a_bounce_is_over_once_a_later_mail_has_arrived(provider: Provider) -> None:
    make_customer()
    first, second = sent(provider), sent(provider)
    # The later one is heard of first.
    post(event("Delivery", second, at="2026-11-28T11:00:00Z"))
    post(event("Bounce", first, at="2026-11-28T10:00:00Z"))
    first.refresh_from_db()
    assert first.status == "bounced"
    assert bounce_of("ada@example.com") is None
    assert not Mail.objects.filter(NEEDS_ATTENTION).exists()

    post(event("Bounce", sent(provider), at="2026-11-28T12:00:00Z"))
    assert bounce_of("ada@example.com") is not None


@pytest.mark.parametrize("order", [("Delivery", "Bounce"), ("Bounce", "Delivery"), ("Bounce", "Bounce")])
def test_the_order_and_number_of_calls_changes_nothing(provider: Provider, order: tuple[str, str]) -> None:
    mail = sent(provider)
    for kind in (*order, *order):
        assert post(event(kind, mail)) == 200
    mail.refresh_from_db()
    assert (mail.status, mail.next_attempt_at) == ("bounced", None)


def test_a_complaint_needs_attention_and_is_no_bounce(provider: Provider) -> None:
    make_customer()
    mail = sent(provider)
    post(event("Delivery", mail))
    post(event("SpamComplaint", mail))
    mail.refresh_from_db()
    assert (mail.status, mail.state) == ("complained", "Marked as spam")
    assert Mail.objects.filter(NEEDS_ATTENTION).get() == mail
    assert outbox.dismiss([mail.pk]) == 1
    assert not Mail.objects.filter(NEEDS_ATTENTION).exists()
    assert bounce_of("ada@example.com") == mail


def test_a_late_word_about_the_first_time_says_nothing_of_the_second(provider: Provider) -> None:
    mail = sent(provider)
    late = event("Bounce", mail)
    post(late)
    outbox.send_again([mail.pk])
    assert post(late) == 200
    turn()
    post(late)
    mail.refresh_from_db()
    assert (mail.status, mail.attempts) == ("sent", 2)


def test_an_event_without_our_name_is_known_by_the_providers_id(provider: Provider) -> None:
    mail = sent(provider)
    post(event("Bounce", mail, sending=""))
    mail.refresh_from_db()
    assert mail.status == "bounced"


def test_events_of_nothing_that_was_sent_change_nothing(provider: Provider) -> None:
    mail = write()  # not tried yet
    for sending in (mail.sending, "x", "a%_.1", f"{mail.sending}0"):
        assert post(event("Bounce", mail, sending=sending)) == 200
    mail.refresh_from_db()
    assert mail.status == "queued"


def test_who_may_call(provider: Provider) -> None:
    mail = sent(provider)
    bounce = event("Bounce", mail)
    assert post(bounce, secret="provider:wrong") == 400
    assert post(bounce, secret="") == 400
    assert post(bounce, to="sendgrid") == 404
    assert post("no JSON") == 400
    assert post([]) == 400
    assert Client().get("/webhooks/mail/postmark/").status_code == 405
    with override_settings(MAIL_SERVER=provider.settings()["MAIL_SERVER"].__class__()):
        assert post(bounce) == 404
    mail.refresh_from_db()
    assert mail.status == "sent"


def mailgun_call(mail: Mail, key: str, *, token: str = "t") -> str:
    now = str(int(time.time()))
    signed = hmac.new(key.encode(), f"{now}{token}".encode(), hashlib.sha256).hexdigest()
    said = {
        "event": "failed", "severity": "permanent", "reason": "bounce", "timestamp": time.time(), "id": "e1",
        "recipient": mail.recipient, "delivery-status": {"message": "No such user"},
        "message": {"headers": {"message-id": mail.message_id.strip("<>")}},
        "user-variables": {"sending": mail.sending},
    }  # fmt: skip
    return json.dumps({"signature": {"timestamp": now, "token": token, "signature": signed}, "event-data": said})


@pytest.mark.parametrize(("key", "status"), [("the-key", 200), ("another", 400)])
def test_mailguns_signature_is_checked(provider: Provider, key: str, status: int) -> None:
    with override_settings(**provider.settings("mailgun://key@mg.example.com", key="the-key")):
        mail = sent(provider)
        call = mailgun_call(mail, key)
        assert post(call, to="mailgun") == status
        assert post(call, to="mailgun") == status  # replayed
        assert post(call.replace("failed", "opened"), to="mailgun", secret="") == 400
    mail.refresh_from_db()
    assert mail.status == ("bounced" if status == 200 else "sent")


def sendgrid_signer() -> tuple[str, Callable[[str, str], str]]:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def sign(timestamp: str, body: str) -> str:
        return base64.b64encode(private.sign((timestamp + body).encode(), ec.ECDSA(hashes.SHA256()))).decode()

    return base64.b64encode(public).decode(), sign


def test_sendgrids_signature_is_checked(provider: Provider) -> None:
    key, sign = sendgrid_signer()
    with override_settings(**provider.settings("sendgrid://key@", key=key)):
        mail = sent(provider)
        body = json.dumps([{
            "event": "bounce", "email": mail.recipient, "timestamp": 1700000000, "sg_event_id": "e",
            "sending": mail.sending, "reason": "No such user", "type": "bounce", "anymail_id": mail.provider_id,
        }])  # fmt: skip

        def call(signature: str, said: str) -> int:
            return (
                Client()
                .post(
                    "/webhooks/mail/sendgrid/",
                    said,
                    content_type="application/json",
                    HTTP_AUTHORIZATION=basic(WEBHOOK_SECRET),
                    HTTP_X_TWILIO_EMAIL_EVENT_WEBHOOK_SIGNATURE=signature,
                    HTTP_X_TWILIO_EMAIL_EVENT_WEBHOOK_TIMESTAMP="1700000000",
                )
                .status_code
            )

        assert call(sign("1700000000", body), body.replace("bounce", "dropped")) == 400
        assert call("AAAA", body) == 400
        assert call(sign("1700000000", body), body) == 200
    mail.refresh_from_db()
    assert mail.status == "bounced"
