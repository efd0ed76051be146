"""A backup from the middle is restored, after orders were placed and paid that it does not know."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from billing import gateway, restore, stripe_state
from billing.models import CreditNote, Difference, Invoice, Payment, RestoreGuard, WebhookEvent
from billing.reconciliation import ends
from billing.tasks import process_event
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from ecommerce.orders.adopt import adopt_charge
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.admin import signed_in
from tests.support.dump import Dump
from tests.support.factories import ANA, make_customer, place_order
from tests.support.order_acts import at_once, fresh, paid, payment_of, refused, settle, sweep_now

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now
Kind = Difference.Kind


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, empty_stripe: FakeStripeServer) -> None:
    monkeypatch.setattr("billing.management.commands.reconcile.PATIENCE", 0)


@pytest.fixture
def dumps() -> Iterator[list[Dump]]:
    made: list[Dump] = []
    yield made
    for each in made:
        each.drop()


def command(name: str, *arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def charged(empty_stripe: FakeStripeServer) -> dict[str, int]:
    """Count, by order number, the charges that succeeded and were not sent back."""
    book = empty_stripe.ledger()
    back = {each["payment_intent"] for each in book["refunds"] if each["status"] in {"pending", "succeeded"}}
    counts: dict[str, int] = {}
    for intent in book["payment_intents"]:
        if intent["status"] == "succeeded" and intent["id"] not in back:
            counts[intent["metadata"]["order"]] = counts.get(intent["metadata"]["order"], 0) + 1
    return counts


def test_nobody_pays_twice_and_no_number_is_given_twice(empty_stripe: FakeStripeServer, dumps: list[Dump]) -> None:
    unpaid = place_order(token="pm_card_chargeDeclined")
    canceling, part = paid(), paid()
    cancel(order_id=canceling.pk, reason="", by=ANA, at=NOW())
    dumps.append(Dump())

    settle(canceling)
    pay(order_id=unpaid.pk, by=ANA, at=NOW(), token="pm_card_visa")
    refund(order_id=part.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(part)
    paid()
    waiting = place_order(customer=make_customer("eve@example.com"), token="pm_card_authenticationRequired")
    orders = set(Order.objects.values_list("number", flat=True))
    invoices = set(Invoice.objects.values_list("number", flat=True))
    notes = set(CreditNote.objects.values_list("number", flat=True))
    dumps[0].restore()

    with refused("payments_unavailable"):
        place_order()
    with refused("payments_unavailable"):
        pay(order_id=unpaid.pk, by=ANA, at=NOW(), token="pm_card_visa")
    calls = len(empty_stripe.ledger()["refunds"])
    sweep_now()
    assert len(empty_stripe.ledger()["refunds"]) == calls
    assert fresh(canceling).status == "paid"

    status, said = command("after_restore")
    assert (status, "1 payments canceled" in said) == (1, True), said
    # The order of the backup has its charge, and is not asked to pay again.
    assert fresh(unpaid).status == "paid"
    assert [fresh(canceling).status, fresh(part).amount_refunded] == ["canceled", 300]
    with refused("wrong_status"):
        pay(order_id=unpaid.pk, by=ANA, at=NOW(), token="pm_card_visa")
    # Of the order that is lost with its row, the charge waits for somebody.
    (lost,) = Difference.objects.filter(resolved_at=None)
    assert (lost.kind, lost.order_number in orders) == (Kind.CHARGE_UNKNOWN, True)
    late = next(
        each for each in empty_stripe.ledger()["payment_intents"] if each["metadata"]["order"] == waiting.number
    )
    assert late["status"] == "canceled"

    new = paid()
    cancel(order_id=new.pk, reason="", by=ANA, at=NOW())
    settle(new)
    assert new.number not in orders
    assert new.invoice
    assert new.invoice.number not in invoices
    assert CreditNote.objects.latest("pk").number not in notes
    assert max(charged(empty_stripe).values()) == 1

    ends.refund_charge(difference=lost, note="Order again, ordered by phone.", by="Ana", at=NOW())
    assert command("reconcile") == (0, command("reconcile")[1])


def test_a_server_that_was_started_again_is_compared_once(empty_stripe: FakeStripeServer, dumps: list[Dump]) -> None:
    unpaid = place_order(token="pm_card_chargeDeclined")
    before = Order.objects.count()
    # A disk that was restored has the same rows, but its server was started since.
    RestoreGuard.objects.filter(pk=RestoreGuard.STATE).update(server_started="")
    paid()
    assert restore.state().looked

    pay(order_id=unpaid.pk, by=ANA, at=NOW(), token="pm_card_visa")
    lost = payment_of(unpaid)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ecommerce_orderact WHERE payment_id = %s", [lost.pk])
        cursor.execute("DELETE FROM billing_payment WHERE id = %s", [lost.pk])
        cursor.execute(
            "UPDATE ecommerce_order SET status = 'created', paid_at = NULL, held_at = NULL WHERE id = %s", [unpaid.pk]
        )
        cursor.execute(
            "UPDATE billing_invoice SET status = 'open', paid_at = NULL, amount_paid = 0 WHERE id = %s",
            [unpaid.invoice_id],
        )
    RestoreGuard.objects.filter(pk=RestoreGuard.STATE).update(server_started="")
    with refused("payments_unavailable"):
        place_order()
    assert str(lost) in RestoreGuard.objects.get(pk=RestoreGuard.STATE).reason
    assert Order.objects.count() == before + 1
    assert command("after_restore")[0] == 0
    assert fresh(unpaid).status == "paid"
    assert restore.state().restored_at is not None


def lost_charge(order: Order, **fields: Any) -> gateway.PaymentIntent:
    """Charge an order past our rows, as a lost row leaves it."""
    uuid = "00000000-0000-0000-0000-000000000009"
    assert order.invoice
    named = {"payment": uuid, "order": order.number, "invoice": order.invoice.number}
    known: Any = {"amount": order.total, "currency": order.currency, "confirm": True, "payment_method": "pm_card_visa"}
    known |= {
        "customer": order.customer.stripe_customer_id,
        "metadata": named,
        "allowed_payment_method_types": ["card"],
    }
    known |= fields
    return gateway.create_intent(params={k: v for k, v in known.items() if v is not None}, key=f"lost-{fields}")


def test_reconcile_adopts_what_agrees(empty_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    intent = lost_charge(order)
    assert command("reconcile") == (0, "2 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).status, payment_of(order).stripe_payment_intent_id) == ("paid", intent.id)
    assert command("reconcile")[0] == 0


@pytest.mark.parametrize("change", [{"customer": None}, {"amount": 700}, {"currency": "eur"}])
def test_what_differs_blocks_the_order_until_somebody_ends_it(
    empty_stripe: FakeStripeServer, change: dict[str, Any]
) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    intent = lost_charge(order, **change)
    assert command("reconcile")[0] == 1
    assert fresh(order).status == "created"
    with refused("charge_unknown"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    assert len([each for each in empty_stripe.ledger()["payment_intents"] if each["status"] == "succeeded"]) == 1

    listed = Difference.objects.get()
    ends.refund_charge(difference=listed, note="", by="Ana", at=NOW())
    with pytest.raises(ends.EndRefused):
        ends.refund_charge(difference=listed, note="", by="Ana", at=NOW())
    (back,) = empty_stripe.ledger()["refunds"]
    assert (back["payment_intent"], back["amount"]) == (intent.id, intent.amount)
    pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    assert fresh(order).status == "paid"
    assert command("reconcile")[0] == 0


def test_an_order_from_before_is_looked_up_before_it_is_charged(empty_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    assert command("after_restore")[0] == 0
    lost_charge(order)
    with pytest.raises(OrderError, match="is paid"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    assert fresh(order).status == "paid"
    assert charged(empty_stripe) == {order.number: 1}


def test_a_charge_of_nobody_is_not_ours(empty_stripe: FakeStripeServer) -> None:
    paid()
    foreign = lost_charge(paid(), metadata={"shop": "other", "order": "77777777"})
    gateway.create_refund(params={"payment_intent": foreign.id}, key="foreign")
    assert command("reconcile") == (0, "2 compared, 0 settled, 2 not ours, 0 differ.\n")
    assert Difference.objects.count() == 0
    assert paid().number != "77777778"


def test_a_known_difference_is_not_listed_again_until_it_changes(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    Payment.objects.update(amount=1600)
    command("reconcile")
    for listed in Difference.objects.filter(resolved_at=None):
        with pytest.raises(ends.EndRefused, match="Say why"):
            ends.mark(difference=listed, outcome=Difference.Outcome.KNOWN, note=" ", by="Ana", at=NOW())
        ends.mark(difference=listed, outcome=Difference.Outcome.KNOWN, note="Bank.", by="Ana", at=NOW())
    assert command("reconcile")[0] == 0
    assert fresh(order).attention == ""
    Payment.objects.update(amount=1700)
    assert command("reconcile")[0] == 1


def test_a_webhook_of_an_unknown_charge_blocks_the_order_at_once(empty_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    intent = lost_charge(order, amount=700)
    event: Any = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": intent.id}}}
    row = WebhookEvent.objects.create(stripe_event_id="evt_1", type=event["type"], payload=event)
    process_event(event_id=row.pk)
    row.refresh_from_db()
    assert (row.error, row.processed_at is None) == ("", False)
    with refused("charge_unknown"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")


def test_a_charge_is_adopted_on_a_persons_word(empty_stripe: FakeStripeServer) -> None:
    order, other = place_order(token="pm_card_chargeDeclined"), paid()
    intent = lost_charge(order, customer=None)
    command("reconcile")
    charge = stripe_state.unknown_charge(intent.id)
    with refused("wrong_status"):
        adopt_charge(charge=charge, order_number=other.number, by=ANA, at=NOW())
    listed = Difference.objects.get()
    browser = signed_in("billing.view_difference", "billing.end_difference", "billing.refund_payment")
    page = f"/admin/billing/difference/{listed.pk}/end/adopted/"
    assert f'value="{order.number}"' in browser.get(page).content.decode()
    assert browser.post(page, {"order_number": other.number}).status_code == 409
    with refused("unknown_order"):
        adopt_charge(charge=charge, order_number="0", by=ANA, at=NOW())
    by_two = [lambda: adopt_charge(charge=charge, order_number=order.number, by=ANA, at=NOW())] * 2
    assert sorted(at_once(*by_two)) == ["done", "wrong_status"]
    assert (fresh(order).status, payment_of(order).stripe_payment_intent_id) == ("paid", intent.id)
    assert Difference.objects.get().outcome == "adopted"
    assert command("reconcile")[0] == 0
