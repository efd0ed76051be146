"""Signed bodies of odd shapes: 400 or ignored, never an error of ours."""

import json
import time
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing.models import Payment, Refund, WebhookEvent
from billing.tasks import process_event
from fake_stripe.webhooks import signature
from tests.support.webhook_events import ADDRESS

pytestmark = pytest.mark.django_db(transaction=True)
HANDLED = ("payment_intent.succeeded", "refund.created", "charge.refunded", "charge.dispute.created")


def send(body: bytes, header: str | None = None) -> int:
    signed = signature(body, settings.STRIPE_WEBHOOK_SECRET, int(time.time())) if header is None else header
    client = Client(raise_request_exception=False)
    return client.post(ADDRESS, body, "application/json", headers={"Stripe-Signature": signed}).status_code


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"[]", b"[1]", b"7", b'"evt_1"', b"null", b"true", b"{", b"{}", b"\xff\xfe", b"NaN", b"9" * 5000],
        b'{"id": 7, "type": "refund.created"}',
        b'{"id": null, "type": "refund.created"}',
        b'{"id": "", "type": "refund.created"}',
        b'{"id": ["evt_1"], "type": "refund.created"}',
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "type": {}}',
        b'{"id": "evt_1", "type": "%s"}' % (b"x" * 101),
        b'{"id": "%s", "type": "refund.created"}' % (b"x" * 256),
        b'{"id": "evt_\\u0000", "type": "refund.created"}',
        b'{"id": "evt_1", "type": "refund.created", "data": {"object": {"id": "re_\\u0000"}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"\\u0000": 1}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"name": "\\ud800"}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"n": 1e999}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"n": Infinity}}}',
        b'{"id": "evt_1", "type": "a", "data": %s%s}' % (b"[" * 100, b"]" * 100),
        b'{"id": "evt_1", "type": "a", "data": %s%s}' % (b"[" * 100_000, b"]" * 100_000),
    ],
)
def test_what_is_no_event_is_refused_and_not_stored(body: bytes) -> None:
    assert send(body) == 400
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("kind", [*HANDLED, "some.type.of.tomorrow", "v2.core.account.updated"])
@pytest.mark.parametrize(
    "data",
    [
        *[None, [], 7, "x", {}, {"object": None}, {"object": []}, {"object": "re_1"}, {"object": {}}],
        {"object": {"id": None, "payment_intent": None}},
        {"object": {"id": 7, "payment_intent": 7}},
        {"object": {"id": "", "payment_intent": " "}},
        {"object": {"id": ["re_1"], "payment_intent": {"id": 7}}},
        {"object": {"id": "x" * 256, "payment_intent": "x" * 256}},
    ],
)
def test_an_event_that_names_no_object_is_ignored(kind: str, data: Any) -> None:
    body = {"id": "evt_1", "type": kind, "api_version": "2019-01-01", "data": data, "account": 7, "livemode": "x"}
    assert send(json.dumps(body).encode()) == 200
    stored = WebhookEvent.objects.get()
    assert (stored.ignored, stored.error, stored.next_attempt_at) == (True, "", None)


@pytest.mark.parametrize("kind", HANDLED)
def test_an_object_that_stripe_does_not_know_and_we_neither_is_ignored(kind: str) -> None:
    named = {"id": "xx_of_somebody_else/../1?a=b", "payment_intent": {"id": "pi_of_somebody_else"}}
    assert send(json.dumps({"id": "evt_1", "type": kind, "data": {"object": named}}).encode()) == 200
    process_event(event_id=WebhookEvent.objects.get().pk)
    stored = WebhookEvent.objects.get()
    assert (stored.ignored, stored.error, stored.next_attempt_at) == (True, "", None)
    assert (Payment.objects.count(), Refund.objects.count()) == (0, 0)


def test_an_event_without_data_is_ignored() -> None:
    assert send(b'{"id": "evt_1", "type": "refund.created"}') == 200
    assert WebhookEvent.objects.get().ignored


@pytest.mark.parametrize("header", ["", "t=1", "v1=é", "t=é,v1=0", "t=٣,v1=0", f"t={'9' * 5000},v1=0", "t=,v1=", "é"])
def test_a_signature_of_an_odd_shape_is_refused(header: str) -> None:
    assert send(b'{"id": "evt_1", "type": "a"}', header.encode().decode("latin-1")) == 400
    assert WebhookEvent.objects.count() == 0
