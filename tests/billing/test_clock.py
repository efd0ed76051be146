"""What decides by time: the database's clock and Stripe's, never that of this process."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.sessions.models import Session
from django.db.models import F
from django.db.models.functions import Now

from backoffice import database_clock
from billing import gateway, recovery, settlement, stripe_clock
from billing.models import Payment, Refund
from customers.sessions import SessionStore
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs import run
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund_recovery import send_again
from ecommerce.orders.selectors import allowed_acts
from ecommerce.tasks import sweep
from pelcro_orders.beat_schedule import Every
from tests.support.bulk_jobs import a_clerk, a_job, outcomes
from tests.support.factories import ANA, place_order
from tests.support.order_acts import fresh, paid, settle, sweep_now
from tests.support.source_tree import sources
from tests.support.webhook_events import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
DAY = 24 * 3600


@pytest.fixture
def stripe_ahead(fake_stripe: FakeStripeServer) -> Iterator[None]:
    """Let a day pass at Stripe, which forgets its idempotency keys then."""
    fake_stripe.post("clock", {"advance": DAY})
    yield
    fake_stripe.post("clock", {"advance": -DAY})
    stripe_clock._told = None


def test_no_process_clock_decides() -> None:
    asked = {
        (path.name, line.strip())
        for path in sources("backoffice", "billing", "customers", "ecommerce", "pelcro_orders")
        for line in path.read_text().splitlines()
        if any(clock in line for clock in ("timezone.now", "time.time(", "datetime.now", "utcnow"))
        and "/migrations/" not in str(path)
    }
    # Dates of rows that decide nothing, where the caller gives none.
    left = {(name, line) for name, line in asked if "default=timezone.now" not in line}
    # The day on which a link to a document ends, which is a day or two away; and what tells of a clock that is off.
    assert left == {
        (
            "clocks.py",
            "database, web = database_clock.now().timestamp() - redis_time(), time.time() - redis_time()",
        ),
        ("heartbeats.py", "redis_client().eval(BEAT, 2, KEY, CLOCKS, _written(program), REMEMBERED, time.time())"),
        ("links.py", "return int(time.time()) // DAY"),
        ("generate_orders.py", "for written in OrderGenerator(count=count, seed=seed, now=timezone.now()).write():"),
    }


def test_a_lost_charge_is_found_whatever_was_noted_as_the_time_of_its_sending(
    fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    # As a process would have written whose clock was ahead.
    Payment.objects.update(first_sent_at=Now() + timedelta(minutes=10), requested_at=Now() + timedelta(minutes=10))
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "status", "status": 500, "times": 1})
    sweep_now()
    sweep_now()
    assert fresh(order).status == "paid"
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.usefixtures("stripe_ahead")
def test_stripes_own_time_ends_posting_again_where_it_is_later(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before", "times": 1})
    order = place_order()
    # The database's clock was set back since: by it, nothing is old.
    Payment.objects.update(first_sent_at=Now())
    sweep_now()
    order = fresh(order)
    assert ("23 hours" in order.attention, order.status, ledger()["payment_intents"]) == (True, "created", [])

    send_again(order_id=order.pk, by=ANA, at=database_clock.now())
    settle(order)
    assert (fresh(order).status, len(ledger()["payment_intents"])) == ("paid", 1)


def test_a_day_later_what_was_charged_in_silence_is_adopted(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    Payment.objects.update(first_sent_at=F("first_sent_at") - timedelta(days=2))
    sweep_now()
    assert (fresh(order).status, len(ledger()["payment_intents"])) == ("paid", 1)


def test_the_caller_can_not_date_a_lease(fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_before", "times": 1})
    order = paid()
    ahead = database_clock.now() + timedelta(days=3)
    cancel(order_id=order.pk, reason="", by=ANA, at=ahead)
    (leased,) = settlement.claim_operations(Refund.objects.all())
    assert abs(leased.leased_at - database_clock.now()) < timedelta(seconds=5)
    assert (leased.next_attempt_at or ahead) - leased.leased_at <= timedelta(seconds=60)
    sweep_now()
    sweep_now()
    assert fresh(order).status == "canceled"


# Stripe's return


def test_the_first_answer_wakes_what_waits_for_stripe_and_no_lease(fake_stripe: FakeStripeServer) -> None:
    orders = [paid() for _ in range(4)]
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_before", "times": 4})
    for order in orders:
        cancel(order_id=order.pk, reason="", by=ANA, at=database_clock.now())
        settle(order)
    assert Refund.objects.filter(postponed=True).count() == 4
    first, *_others, leased = Refund.objects.order_by("pk")
    Refund.objects.update(next_attempt_at=Now() + timedelta(seconds=45))
    Refund.objects.filter(pk=leased.pk).update(postponed=False, attempts=2)
    Refund.objects.filter(pk=first.pk).update(next_attempt_at=Now())
    recovery._woken_at = float("-inf")
    sweep()
    assert [fresh(order).status for order in orders] == ["canceled", "canceled", "canceled", "paid"]
    sweep_now()


def test_what_stripe_put_off_itself_is_not_woken(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 429, "times": 1})
    cancel(order_id=order.pk, reason="", by=ANA, at=database_clock.now())
    settle(order)
    assert not Refund.objects.get().postponed
    sweep_now()


# Answers that nobody expects


def card_errors(fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 402})


def test_a_card_error_to_a_refund_ends_with_send_again(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = paid()
    card_errors(fake_stripe)
    cancel(order_id=order.pk, reason="", by=ANA, at=database_clock.now())
    settle(order)
    for _ in range(settlement.MAX_UNEXPECTED + 2):
        sweep_now()
    refund, order = Refund.objects.get(), fresh(order)
    assert (refund.attempts, refund.next_attempt_at) == (settlement.MAX_UNEXPECTED, None)
    assert (order.status, order.money_state, ledger()["refunds"]) == ("paid", "refund_in_progress", [])
    assert "Your card was declined" in order.attention
    assert allowed_acts(order) == {"send_again", "settle_outside"}

    fake_stripe.clear()
    send_again(order_id=order.pk, by=ANA, at=database_clock.now())
    settle(order)
    assert (fresh(order).status, len(ledger()["refunds"])) == ("canceled", 1)


@pytest.mark.parametrize("broken", [KeyError("id"), AttributeError("status"), gateway.Unexpected("re_1 is odd.")])
def test_whatever_breaks_on_an_answer_is_tried_a_few_times(
    broken: Exception, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=database_clock.now())

    def breaks(**_arguments: Any) -> None:
        raise broken

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "create_refund", breaks)
        for _ in range(settlement.MAX_UNEXPECTED + 2):
            sweep_now()
    assert Refund.objects.get().attempts == settlement.MAX_UNEXPECTED
    assert "send it again" in fresh(order).attention
    send_again(order_id=order.pk, by=ANA, at=database_clock.now())
    settle(order)
    assert (fresh(order).status, len(ledger()["refunds"])) == ("canceled", 1)


@pytest.mark.parametrize("status", ["requires_capture", "requires_confirmation", "new_in_2027"])
def test_an_unknown_status_of_a_charge_waits_for_a_user(
    status: str, monkeypatch: pytest.MonkeyPatch, fake_stripe: FakeStripeServer
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before", "times": 1})
    order = place_order()
    with monkeypatch.context() as patched:
        patched.setattr(gateway, "create_intent", lambda **_arguments: an_intent(status))
        for _ in range(settlement.MAX_UNEXPECTED + 2):
            sweep_now()
    assert Payment.objects.get().next_attempt_at is None
    assert status in fresh(order).attention
    assert allowed_acts(fresh(order)) == {"send_again"}


def an_intent(status: str) -> gateway.PaymentIntent:
    return gateway.PaymentIntent(id="pi_1", status=status, amount=1500, currency="usd", client_secret="", created=0)


def test_a_job_whose_last_orders_can_not_end_says_why_and_can_be_stopped(
    fake_stripe: FakeStripeServer, as_role: Callable[[str], Any]
) -> None:
    orders = [paid(), paid()]
    job = a_job("cancel", orders, a_clerk("cancel"))
    card_errors(fake_stripe)
    for _ in range(settlement.MAX_UNEXPECTED + 1):
        Refund.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=Now())
        run.run_job(job_id=job.pk, seconds=2)
    job.refresh_from_db()
    assert job.status == "running"
    assert all("Your card was declined" in reason for _status, reason in outcomes(job).values())
    page = as_role("admin").get(f"/admin/ecommerce/bulkjob/{job.pk}/change/").content.decode()
    assert "2 orders need attention before the job can end" in page

    fake_stripe.clear()
    for order in orders:
        send_again(order_id=order.pk, by=ANA, at=database_clock.now())
    run.run_job(job_id=job.pk, seconds=5)
    job.refresh_from_db()
    assert (job.status, set(outcomes(job).values())) == ("succeeded", {("done", "")})


# Webhooks, tokens, sessions, beat: the clock of this process is a day off


@pytest.fixture(params=[timedelta(days=1), -timedelta(days=1), timedelta(minutes=10)])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the database's clock differ from that of this process, as seen from here."""
    true = database_clock.now
    monkeypatch.setattr(database_clock, "now", lambda: true() + request.param)


@pytest.mark.usefixtures("wrong_clock")
def test_a_webhook_is_as_old_as_the_database_says() -> None:
    now = database_clock.now().timestamp()
    event = {"id": "evt_clock", "object": "event", "type": "unknown", "data": {"object": {}}}
    assert post(event, at=now - 200).status_code == 200
    assert post(event, at=now - 400).status_code == 400


@pytest.mark.usefixtures("wrong_clock")
def test_a_token_lives_as_long_as_the_database_says(monkeypatch: pytest.MonkeyPatch) -> None:
    token, payload = internal.create_token("access", sub="1", sid="s", expires_in=60)
    assert abs(payload["iat"] - database_clock.now().timestamp()) < 5
    assert internal.decode_token(token, "access") == payload
    later = database_clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(database_clock, "now", lambda: later)
    assert internal.decode_token(token, "access") is None


def test_a_token_without_an_end_is_none() -> None:
    config = internal._get_jwt_config()
    for changed in ({}, {"exp": "never"}, {"exp": datetime(2020, 1, 1, tzinfo=UTC)}):
        payload = {"jti": "j", "sub": "1", "sid": "s", "token_use": "access", **changed}
        assert internal.decode_token(jwt.encode(payload, config.signing_key, config.algorithm), "access") is None


def test_a_session_ends_by_the_databases_clock() -> None:
    session = SessionStore()
    session["seen"] = 1
    session.save()
    row = Session.objects.get(pk=session.session_key)
    assert abs(row.expire_date - database_clock.now() - timedelta(days=14)) < timedelta(seconds=5)
    assert SessionStore(session.session_key)["seen"] == 1
    Session.objects.update(expire_date=Now())
    assert "seen" not in SessionStore(session.session_key)
    SessionStore.clear_expired()
    assert not Session.objects.exists()


def test_an_interval_of_beat_is_measured_without_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    every, moment = Every(15.0), [100.0]
    monkeypatch.setattr("pelcro_orders.beat_schedule.time.monotonic", lambda: moment[0])
    ran = datetime.now(UTC)
    assert not every.is_due(ran).is_due
    moment[0] += 15
    assert every.is_due(ran).is_due
    for jump in (timedelta(days=-1), timedelta(hours=1)):
        ran += jump
        assert every.is_due(ran) == (False, 15.0)
        moment[0] += 14
        assert every.is_due(ran) == (False, 1.0)
        moment[0] += 1
        assert every.is_due(ran).is_due
