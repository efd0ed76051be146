"""The payment link on the order page: copied, shown with its end, and revoked, by those who may charge a card."""

import pytest
from django.test import Client
from django.urls import reverse

from ecommerce.models import Order, PaymentLink
from tests.support.admin import order_row, signed_in, viewer
from tests.support.mailbox import written
from tests.support.order_acts import kinds

pytestmark = pytest.mark.django_db


def ana() -> Client:
    return signed_in("ecommerce.view_order", "ecommerce.add_order")


def at(order: Order, name: str = "change") -> str:
    return reverse(f"admin:ecommerce_order_{name}", args=[order.pk])


def test_it_is_made_once_and_stands_on_the_page_with_its_end() -> None:
    order, client = order_row(), ana()
    assert "Copy payment link" in client.get(at(order)).content.decode()
    first = client.post(at(order, "payment_link"), follow=True).content.decode()
    link = PaymentLink.objects.get()
    when = f"{link.expires_at:%Y-%m-%d %H:%M}"
    assert link.url in first
    assert f"Ends {when}" in first
    assert (link.by_kind, link.by_label) == ("staff", "Ana")
    again = client.post(at(order, "payment_link"), headers={"X-Fragment": "payment-link"}).content.decode()
    assert link.url in again
    assert "<html" not in again
    assert PaymentLink.objects.count() == 1
    page = client.get(at(order)).content.decode()
    assert "Payment link made" in page
    assert "until 20" in page


def test_it_is_revoked_by_hand() -> None:
    order, client = order_row(), ana()
    client.post(at(order, "payment_link"))
    question = client.get(at(order, "revoke_payment_link")).content.decode()
    assert "can&#x27;t pay with it any more" in question
    done = client.post(at(order, "revoke_payment_link"), {"confirmed": ""}, follow=True).content.decode()
    assert "pays nothing any more" in done
    assert PaymentLink.objects.get().revoked_at
    assert "payment-link-url" not in done
    assert kinds(order) == ["payment_link_created", "payment_link_revoked"]
    again = client.post(at(order, "revoke_payment_link"), {"confirmed": ""})
    assert (again.status_code, "has no payment link" in again.content.decode()) == (409, True)


def test_it_is_sent_by_mail() -> None:
    order, client = order_row(), ana()
    page = client.get(at(order)).content.decode()
    assert at(order, "send_payment_link") in page
    assert "ada@example.com gets a mail" in client.get(at(order, "send_payment_link")).content.decode()
    said = client.post(at(order, "send_payment_link"), {"confirmed": ""}, follow=True).content.decode()
    assert "is on its way to the customer" in said
    again = client.post(at(order, "send_payment_link"), {"confirmed": ""})
    assert "on its way already" in again.content.decode()
    (mail,) = written(kind="payment_link")
    assert PaymentLink.objects.get().url in mail.text
    assert PaymentLink.objects.get().url in mail.html
    assert mail.subject == f"Pay order {order.number}"
    assert kinds(order) == ["payment_link_created"]


def test_only_an_order_that_waits_to_be_paid_has_one() -> None:
    order, client = order_row("paid"), ana()
    assert "Copy payment link" not in client.get(at(order)).content.decode()
    said = client.post(at(order, "payment_link"), follow=True).content.decode()
    assert "only a created order can be paid" in said
    assert not PaymentLink.objects.exists()
    assert client.get(at(order, "payment_link")).status_code == 405


def test_it_takes_the_permission_to_charge_a_card() -> None:
    order = order_row()
    ana().post(at(order, "payment_link"))
    page = viewer().get(at(order)).content.decode()
    assert "payment link" not in page.replace("Payment link made", "").lower()
    assert PaymentLink.objects.get().token not in page
    for name in ("payment_link", "send_payment_link", "revoke_payment_link"):
        assert viewer().post(at(order, name)).status_code == 403
    assert PaymentLink.objects.get().revoked_at is None
