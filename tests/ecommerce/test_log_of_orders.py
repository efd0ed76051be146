"""A line of the log of any act, found by its order's number."""

import math
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from billing import stripe_state
from billing.documents.make import make_due
from billing.models import Payment, Refund, WebhookEvent
from billing.results import PaymentResult
from billing.settlement import find_intent
from customers.models import FrozenAddress
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs.control import stop
from ecommerce.bulk_jobs.run import run_next_slice
from ecommerce.customer_messages import write_to_customer
from ecommerce.customer_requests.cancellations import ask_to_cancel, decline_cancellation
from ecommerce.customer_requests.withdrawals import withdraw
from ecommerce.models import Order, OrderEvent, Sku, event_log
from ecommerce.notes import add_note
from ecommerce.orders.address import correct_address
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.assign import assign
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.delivery import record_delivery
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold, release
from ecommerce.orders.pay import pay
from ecommerce.orders.payment_links import create_link, revoke_links, send_link
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import send_again, settle_outside
from ecommerce.orders.returns import approve_return, cancel_return, decline_return
from ecommerce.orders.tags import tag
from ecommerce.orders.undo_fulfillment import correct_tracking, undo_fulfillment
from ecommerce.webhooks.sender import Sender
from tests.support.bulk_jobs import a_clerk, a_job, work
from tests.support.factories import ANA, make_customer, make_sku, make_user, place_order
from tests.support.log_lines import Collector, collected
from tests.support.mailbox import deliver as deliver_mails
from tests.support.order_acts import dispute, items_of, paid, paid_lines, payment_of, settle, sweep_now
from tests.support.returned import close, opened, received, sent, two_lines
from tests.support.sellers import a_seller
from tests.support.source_tree import sources
from tests.support.tracking_files import applied, preview
from tests.support.webhook_events import deliver
from tests.support.webhook_receiver import make_endpoint, webhook_receiver

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now
Kind = OrderEvent.Kind
DECLINED, AUTHENTICATION = "pm_card_chargeDeclined", "pm_card_authenticationRequired"
ALDWYCH = FrozenAddress(
    name="Ada Lovelace", line1="1 Aldwych", line2="", city="London", state="", postal_code="WC2B 4BZ", country="GB"
)


@pytest.fixture
def log() -> Iterator[Collector]:
    with collected() as collector:
        yield collector


def act(order: Order) -> dict[str, Any]:
    return {"order_id": order.pk, "by": ANA, "at": NOW()}


# What the acts are, by what somebody of the staff, the customer or Stripe does.


def pays_late(_stripe: FakeStripeServer) -> None:
    order = place_order(token=DECLINED)
    send_link(**act(order))
    revoke_links(**act(order))
    create_link(**act(order))
    Sku.objects.update(price=1600)
    pay(**act(order), token="pm_card_visa", expected_total=1600)
    place_order(token=AUTHENTICATION)


def organizes(_stripe: FakeStripeServer) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 1))
    hold(**act(order), reason="Ask the customer")
    release(**act(order))
    tag(**act(order), add=["VIP"])
    assign(**act(order), assignee_id=make_user("bob").pk)
    add_note(**act(order), text="Called her")
    write_to_customer(**act(order), subject="Hello", text="Hello", key=uuid4())
    correct_address(**act(order), address=ALDWYCH, reason="Typo")


def sends_and_undoes(_stripe: FakeStripeServer) -> None:
    order = sent(two_lines(), items=None)
    undo_fulfillment(**act(order), reason="Wrong parcel")
    first = items_of(order)[0]
    fulfill(**act(order), items=[(first.pk, 1)], carrier="Van", tracking_number="A1")
    parcel = order.fulfillments.filter(voided_at=None).get()
    correct_tracking(parcel_id=parcel.pk, carrier="Van", tracking_numbers=["A2"], reason="Typo", by=ANA, at=NOW())
    record_delivery(**act(order), parcel_id=parcel.pk, delivered_at=parcel.at)
    cancel_items(**act(order), items=[(first.pk, 1)], reason="Out of stock")
    settle(order)


def takes_back(_stripe: FakeStripeServer) -> None:
    order = sent()
    whole = received(order, 3, 2)
    close(whole)
    settle(order)
    other = sent(paid_lines((Sku.objects.get(code="MUG"), 3)))
    decline_return(return_id=opened(other, 1, approved=False).pk, answer="Too late", by=ANA, at=NOW())
    asked = opened(other, 1, approved=False)
    approve_return(return_id=asked.pk, by=ANA, at=NOW())
    cancel_return(return_id=asked.pk, by=ANA, at=NOW())


def asks(_stripe: FakeStripeServer) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 1))
    ask_to_cancel(**act(order), reason="By mistake")
    decline_cancellation(request_id=order.customer_requests.get().pk, answer="It is packed", by=ANA, at=NOW())
    withdraw(**act(order), items=None)
    settle(order)


def refunds(stripe: FakeStripeServer) -> None:
    order = paid()
    refund(**act(order), request=RefundRequest(amount=500), reason="Scratch")
    settle(order)
    stripe.faults({"match": "POST /v1/refunds", "fault": "drop_before", "times": 1})
    cancel(**act(order), reason="Late")
    settle(order)
    Refund.objects.filter(closed_at=None).update(first_sent_at=NOW() - timedelta(hours=24))
    sweep_now()
    send_again(**act(order))
    settle(order)


def disputes(stripe: FakeStripeServer) -> None:
    for status in ("won", "lost"):
        order = paid(customer=make_customer(f"{status}@example.com"))
        disputed = dispute(stripe, order)
        apply_results(results=stripe_state.fetch_dispute(disputed), at=NOW())
        cancel(**act(order), reason="Late")
        settle(order)
        settle_outside(**act(order), note="By transfer")
        stripe.post(f"disputes/{disputed}/close", {"status": status})
        apply_results(results=stripe_state.fetch_dispute(disputed), at=NOW())


def waits_for_banks(stripe: FakeStripeServer) -> None:
    order = paid(token="pm_card_pendingRefund")
    cancel(**act(order), reason="Late")
    settle(order)
    stripe.post(f"refunds/{Refund.objects.latest('pk').stripe_refund_id}/settle", {"status": "succeeded"})
    deliver("refund.updated")


def succeeds_after_it_was_given_up(stripe: FakeStripeServer) -> None:
    for is_canceled in (False, True):
        stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
        order = place_order()
        payment = payment_of(order)
        given_up = PaymentResult(payment_id=payment.pk, status=Payment.Status.FAILED, message="Given up.")
        apply_results(results=[given_up], at=NOW())
        if is_canceled:
            cancel(**act(order), reason="")
        found = find_intent(payment)
        assert found
        results: Any = stripe_state.fetch_intent(found.id)
        apply_results(results=results, at=NOW())
        sweep_now()


def runs_jobs(_stripe: FakeStripeServer) -> None:
    by = a_clerk()
    orders = [paid() for _ in range(3)]
    place_order(token=DECLINED)
    work(a_job("fulfill", orders[:1], by))
    work(a_job("cancel", orders, by))
    work(a_job("return", orders[:1], by))
    to_stop = [paid() for _ in range(2)]
    job = a_job("cancel", to_stop, by)
    run_next_slice(job.pk)
    stop(job_id=job.pk, by=by)
    work(job)


def reads_a_tracking_file(_stripe: FakeStripeServer) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 1))
    by = make_user("carla", is_superuser=True)
    applied(preview((order.number, "T1"), by=by), by)


ACTS: list[Callable[[FakeStripeServer], None]] = [
    *(pays_late, organizes, sends_and_undoes, takes_back, asks, refunds, disputes, waits_for_banks),
    *(succeeds_after_it_was_given_up, runs_jobs, reads_a_tracking_file),
]


def acts_logged(log: Collector, number: str) -> set[str]:
    return {line["act"] for line in log.of_order(number) if line["logger"] == "ecommerce.history"}


def test_every_act_is_found_by_its_orders_number(log: Collector, fake_stripe: FakeStripeServer) -> None:
    for number, acts in enumerate(ACTS):
        acts(fake_stripe)
        Sku.objects.update(code=Concat(Value(f"{number}-"), "code"))
    ever = set[str]()
    for order in Order.objects.all():
        kinds = set(order.events.values_list("kind", flat=True))
        assert acts_logged(log, order.number) == kinds
        ever |= kinds
    assert set(Kind.values) - ever == set()
    of_acts = [line for line in log.lines if line["logger"] == "ecommerce.history"]
    assert {line["level"] for line in of_acts} == {"info"}
    assert all(line["actor"] for line in of_acts)
    of_money = [
        line for line in of_acts if line["act"] in {"payment_requested", "paid", "refund_requested", "refunded"}
    ]
    assert all(line.keys() & {"payment_id", "refund_id", "refund_ids"} for line in of_money)


def test_whatever_is_recorded_has_its_line(log: Collector) -> None:
    for kind in Kind:
        log.texts.clear()
        event = OrderEvent(order=Order(pk=5, number="1001"), kind=kind, data={"amount": 5, "note": "Secret"})
        event.by_kind, event.by_user_id, event.ids = "staff", 7, {"refund_id": 5}
        event_log.happened(event)
        event_log.many_happened([event, event])
        one, many = log.of_order("1001")
        assert (one["act"], one["order"], one["order_id"], one["actor"]) == (kind.value, "1001", 5, "staff:7")
        assert (one["amount"], one["refund_id"]) == (5, 5)
        assert (many["act"], many["orders"], many["refund_ids"]) == (kind.value, ["1001", "1001"], [5, 5])
        assert "Secret" not in "".join(log.texts)


def test_statements_that_write_events_themselves_say_so() -> None:
    """Whatever else writes events is `OrderEvent`, whose saving has its line."""
    writers = {
        path
        for path in sources("billing", "customers", "ecommerce")
        if re.search(r"INSERT INTO \"?ecommerce_orderevent", path.read_text())
    }
    assert {path.stem for path in writers} == {"fulfill", "ship"}
    assert all("orders_happened(" in path.read_text() for path in writers)


def test_what_is_sent_and_made_is_found_by_the_orders_number(
    log: Collector, fake_stripe: FakeStripeServer, settings: Any
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.0/8")]
    a_seller()
    with webhook_receiver() as receiver:
        make_endpoint(receiver.url("/ok"))
        order = paid(customer=make_customer())
        deliver("payment_intent.succeeded")
        make_due(until=math.inf)
        deliver_mails()
        sender = Sender()
        sender.drain()
        sender.close()
    found = log.of_order(order.number)
    said = {(line["logger"], line["message"]) for line in found}
    assert {
        ("billing.gateway", "Stripe POST"),
        ("ecommerce.orders.apply_results", "Results of Stripe applied"),
        ("billing.webhooks.processing", "Stripe's event processed"),
        ("billing.documents.make", "Document issued"),
        ("customers.mail.delivery", "Mail sent"),
        ("ecommerce.webhooks.queue", "Webhook delivered"),
    } <= said
    charged = next(line for line in found if line.get("path") == "/v1/payment_intents")
    assert charged["payment_id"] == payment_of(order).pk
    assert (charged["status"], charged["stripe_request_id"][:4]) == (200, "req_")
    events = {line.get("stripe_event") for line in found if line["message"] == "Stripe's event processed"}
    assert events == {WebhookEvent.objects.get().stripe_event_id}
    assert "ada@example.com" not in "".join(log.texts)


def test_a_job_names_the_orders_that_it_leaves_out(log: Collector) -> None:
    done, skipped = paid(), place_order(token=DECLINED)
    job = work(a_job("fulfill", [done, skipped], a_clerk()))
    messages = {
        (line["message"], line["job_id"]): line.get("orders") for line in log.lines if line.get("job_id") == job.pk
    }
    assert messages[("Orders of a job skipped", job.pk)] == [skipped.number]
    assert messages[("Order fulfilled", job.pk)] == [done.number]
