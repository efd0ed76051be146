"""What removal must never do: unlock an act, apply something twice, or take away what somebody still waits for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from backoffice import uploads
from billing.models import (
    Difference,
    Document,
    Reconciliation,
    StripeRemoval,
    WebhookEvent,
)
from billing.reconciliation import records
from billing.reconciliation.checks import Mismatch
from billing.reconciliation.run import start_nightly
from billing.tasks import process_event
from billing.webhooks.views import is_about_erased
from customers.mail.attention import NEEDS_ATTENTION, bounce_of
from customers.models import Mail
from ecommerce.bulk_jobs import control
from ecommerce.models import (
    BulkJob,
    BulkJobItem,
    BulkJobSlice,
    FileImport,
    Order,
    OrderAct,
    PaymentLink,
    Sku,
    TrackingFile,
)
from ecommerce.orders.payment_links import create_link
from ecommerce.orders.place import place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tracking_files import files
from tests.support.bulk_jobs import a_clerk, a_job, run
from tests.support.factories import ANA, make_customer, make_sku, place_order, wanted_by
from tests.support.order_acts import fresh, kinds, paid, settle
from tests.support.retention import age, removed
from tests.support.rows import an_event
from tests.support.tracking_files import applied, codes, preview, to_send
from tests.support.webhook_events import deliver, happened, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now
DECLINED = {"token": "pm_card_chargeDeclined"}
OLD = 5000.0  # days, more than any setting


# Stripe's events


def test_an_event_that_is_delivered_again_after_its_removal_changes_nothing() -> None:
    order = paid()
    event = deliver("payment_intent.succeeded")
    before, story = fresh(order).__dict__, kinds(order)
    age(event, 100, "received_at", "processed_at")
    assert removed("webhook_events") == 1

    assert post(happened("payment_intent.succeeded")[0]).status_code == 200
    process_event(event_id=WebhookEvent.objects.get().pk)

    after = fresh(order).__dict__
    assert {name: after[name] for name in after if name != "_state"} == {
        name: before[name] for name in before if name != "_state"
    }
    assert (kinds(order), WebhookEvent.objects.get().error) == (story, "")


def test_events_that_wait_or_were_given_up_stay_and_so_do_those_that_stripe_may_send_again(settings: Any) -> None:
    settings.WEBHOOK_EVENT_DAYS = 31
    an_event("evt_waits", processed_at=None, next_attempt_at=NOW())
    an_event("evt_given_up", processed_at=None, error="Timeout")
    an_event("evt_done")
    young = an_event("evt_young")
    age(WebhookEvent.objects.exclude(pk=young.pk), 32, "received_at", "processed_at")
    age(young, 30, "received_at", "processed_at")
    assert removed("webhook_events") == 1
    assert set(WebhookEvent.objects.values_list("stripe_event_id", flat=True)) == {
        *("evt_waits", "evt_given_up", "evt_young"),
    }


def test_an_erased_customer_is_still_known_once_the_removal_of_a_card_is_forgotten() -> None:
    StripeRemoval.objects.create(kind="customer", stripe_id="cus_1", next_attempt_at=None)
    StripeRemoval.objects.create(kind="card", stripe_id="pm_done", next_attempt_at=None)
    StripeRemoval.objects.create(kind="card", stripe_id="pm_waits")
    age(StripeRemoval.objects.all(), OLD, "requested_at")
    assert removed("card_removals") == 1
    assert is_about_erased({"id": "evt_1", "type": "x", "data": {"object": {"customer": "cus_1"}}})
    assert StripeRemoval.objects.filter(stripe_id="pm_waits").exists()


# Idempotency


def test_a_key_is_never_forgotten_unless_a_setting_says_so() -> None:
    order = keyed()
    age(order, OLD, "created_at")
    assert removed("idempotency_keys") == 0
    assert place_again(order) == order


def test_within_its_promise_a_key_answers_the_same_order_and_an_open_one_keeps_it(settings: Any) -> None:
    settings.IDEMPOTENCY_KEY_DAYS = 30
    old, unpaid, young = keyed("old"), keyed("unpaid", **DECLINED), keyed("young")
    for order in (old, unpaid):
        age(order, 31, "created_at", *(["paid_at"] if order.paid_at else []))
    age(young, 29, "created_at", "paid_at")
    assert removed("idempotency_keys") == 1
    assert (place_again(unpaid, **DECLINED), place_again(young)) == (unpaid, young)
    assert fresh(old).placement_key is None


def test_a_key_of_a_refund_is_forgotten_once_the_act_is_closed(settings: Any) -> None:
    settings.IDEMPOTENCY_KEY_DAYS = 30
    order = paid()
    asked = {"order_id": order.pk, "request": RefundRequest(amount=100, key="refund-1"), "by": ANA, "reason": ""}
    refund(**asked, at=NOW())  # type: ignore[arg-type]
    age(OrderAct.objects.all(), 31, "requested_at")
    assert removed("idempotency_keys") == 0  # it is at Stripe
    settle(order)
    assert OrderAct.objects.get(kind="refund").request_key == "refund-1"
    age(OrderAct.objects.exclude(closed_at=None), 31, "closed_at")
    assert removed("idempotency_keys") == 1


def keyed(key: str = "form-1", **how: Any) -> Order:
    customer = make_customer(f"{key}@example.com")
    sku = make_sku(key.upper())
    return place(new_order=replace(wanted_by(customer, sku, **how), key=key), by=ANA, at=NOW())


def place_again(order: Order, **how: Any) -> Order:
    sku = Sku.objects.get(code=order.items.get().sku_code)
    again = replace(wanted_by(order.customer, sku, **how), key=order.placement_key or "")
    return place(new_order=again, by=ANA, at=NOW())


# Bulk jobs


def test_a_job_goes_with_its_items_and_the_orders_stay_as_it_left_them(ledger: Callable[[], Any]) -> None:
    ben = a_clerk()
    make_sku()
    orders = [place_order() for _each in range(3)]
    job = run("cancel", orders, ben)
    retry = BulkJob.objects.create(
        action="cancel", status="failed", total=0, retry_of=job, finished_at=NOW(), by_label="ben", by_kind="staff"
    )
    refunds = len(ledger()["refunds"])
    age(job, 400, "finished_at")
    assert removed("bulk_jobs") == 1
    assert (BulkJobItem.objects.count(), BulkJobSlice.objects.count()) == (0, 0)
    retry.refresh_from_db()
    assert retry.retry_of is None

    # The confirmation page that was left open is posted once more.
    again = run("cancel", orders, ben)
    assert set(again.items.values_list("status", flat=True)) == {"skipped"}
    assert len(ledger()["refunds"]) == refunds
    assert {fresh(order).status for order in orders} == {"canceled"}


def test_jobs_that_are_at_work_wait_for_stripe_or_have_a_file_stay() -> None:
    ben = a_clerk()
    make_sku()
    in_flight, open_one, with_file, half = (a_job("cancel", [place_order()], ben) for _each in range(4))
    BulkJob.objects.exclude(pk=open_one.pk).update(status="stopped", finished_at=NOW())
    BulkJob.objects.filter(pk=with_file.pk).update(file="orders/a.csv")
    BulkJob.objects.filter(pk=half.pk).update(selection={"unfinished": ["orders/b.csv"]})
    order_id = in_flight.slices.get().order_ids[0]
    BulkJobItem.objects.create(job=in_flight, slice=in_flight.slices.get(), order_id=order_id, status="working")
    age(BulkJob.objects.exclude(pk=open_one.pk), 400, "finished_at")
    assert removed("bulk_jobs") == 0
    assert BulkJobSlice.objects.count() == 4


def test_nobody_begins_anything_with_a_job_that_is_about_to_go() -> None:
    ben = a_clerk()
    make_sku()
    job = a_job("cancel", [place_order()], ben)
    BulkJob.objects.update(status="stopped", finished_at=NOW())
    age(job, 366, "finished_at")
    with pytest.raises(control.BulkJobError, match="ended more than 365 days ago and is about to be removed"):
        control.resume(job_id=job.pk, by=ben)
    BulkJob.objects.update(status="failed")
    with pytest.raises(control.BulkJobError, match="about to be removed"):
        control.retry(job_id=job.pk, by=ben, at=NOW())


# Files


def test_a_tracking_file_that_was_removed_and_comes_again_changes_nothing() -> None:
    ben = a_clerk(actions=("fulfill",))
    order = to_send("MUG")
    file = applied(preview((order.number, "ABC123456")), ben)
    age(file, 31, "created_at")
    assert removed("tracking_files") == 1
    assert not TrackingFile.objects.exists()
    assert codes(preview((order.number, "ABC123456"))) == ["has_number"]


def test_nobody_begins_anything_with_a_tracking_file_that_is_about_to_go() -> None:
    file = preview((to_send("MUG").number, "ABC123456"))
    age(file, 31, "created_at")
    with pytest.raises(files.TrackingFileError, match="older than 30 days and is about to be removed"):
        files.apply(file_id=file.pk, accept_doubtful=False, by=ANA)
    TrackingFile.objects.update(status="applying")
    assert removed("tracking_files") == 0


def test_an_import_at_work_keeps_its_row_and_its_upload(settings: Any, tmp_path: Any) -> None:
    where = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "import_export": where}
    settings.UPLOAD_DAYS = 1
    at_work, ended = (FileImport.objects.create(kind="sku", file_name="a", **ANA.columns) for _each in range(2))
    FileImport.objects.filter(pk=at_work.pk).update(status="applying")
    FileImport.objects.filter(pk=ended.pk).update(status="stopped")
    for each in (at_work, ended):
        uploads.save(f"{each.token}.json", b"{}")
    rule_age = timedelta(days=-1)  # as if tomorrow were over
    assert [*uploads.old(rule_age, in_use=lambda token: token == at_work.token)] == [f"{ended.token}.json"]
    age(FileImport.objects.all(), 31, "created_at")
    assert removed("imports") == 1
    assert FileImport.objects.get() == at_work


# Mails


def a_mail(**fields: Any) -> Mail:
    known: dict[str, Any] = {"recipient": "ada@example.com", "kind": "shipped", "language": "en", "status": "sent"}
    known |= {"next_attempt_at": None, "message_id": f"<{Mail.objects.count()}@x>"}
    mail = Mail(**{**known, **fields})
    mail.save()
    return mail


def test_mails_that_wait_or_need_somebody_stay() -> None:
    make_customer("ada@example.com")
    a_mail(status="queued", next_attempt_at=NOW())
    a_mail(status="bounced", bounced_at=NOW())
    a_mail(status="failed", dismissed_at=NOW())
    sent_again = a_mail()
    age(Mail.objects.all(), 800, "created_at", "queued_at")
    Mail.objects.filter(pk=sent_again.pk).update(queued_at=NOW())
    assert removed("mails") == 1
    assert sorted(Mail.objects.values_list("status", flat=True)) == ["bounced", "queued", "sent"]


def test_an_e_mail_does_not_bounce_again_because_the_mail_that_arrived_was_removed() -> None:
    make_customer("ada@example.com")
    # The one that arrived was written first, and is old a day earlier.
    arrived = a_mail(delivered_at=NOW())
    came_back = a_mail(status="bounced", bounced_at=NOW())
    age(came_back, 1, "bounced_at")
    age(arrived, 800, "created_at", "queued_at")
    assert removed("mails") == 0
    age(came_back, 800, "created_at", "queued_at")
    assert [removed("mails"), removed("mails")] == [1, 1]
    assert not Mail.objects.filter(NEEDS_ATTENTION).exists()
    assert bounce_of("ada@example.com") is None


def test_the_mail_that_promised_a_document_stays_until_the_document_is_issued() -> None:
    order = paid()
    document = Document.objects.get(invoice=order.invoice)
    mail = a_mail(data={"follows": document.pk}, about=order)
    Mail.objects.exclude(pk=mail.pk).delete()
    age(mail, 800, "created_at", "queued_at")
    assert removed("mails") == 0
    Document.objects.update(status="issued", file="x", sha256="x", size=1, issued_at=NOW(), next_attempt_at=None)
    assert removed("mails") == 1


# Reconciliation


def test_a_difference_that_somebody_ended_stays_ended() -> None:
    for name, outcome in (("pi_1", "not_ours"), ("pi_2", "known"), ("pi_3", "refunded"), ("pi_4", "agrees")):
        Difference.objects.create(
            kind="charge_unknown", stripe_id=name, sentence=f"{name} is unknown.", resolved_at=NOW(), outcome=outcome
        )
    open_one = Difference.objects.create(kind="charge_unknown", stripe_id="pi_5", sentence="pi_5 is unknown.")
    age(Difference.objects.all(), OLD, "found_at", "seen_at")
    age(Difference.objects.exclude(pk=open_one.pk), OLD, "resolved_at")
    assert removed("differences") == 1
    found = [
        Mismatch(kind=Difference.Kind.CHARGE_UNKNOWN, stripe_id=f"pi_{n}", sentence=f"pi_{n} is unknown.")
        for n in (1, 2)
    ]
    records.record(found, run_id=1)
    assert Difference.objects.filter(resolved_at=None).get() == open_one


def test_the_next_reconciliation_begins_where_the_last_one_ended_however_old_that_is() -> None:
    newest = NOW()
    for _each in range(2):
        Reconciliation.objects.create(phase="done", finished_at=NOW(), newest_at=newest, next_attempt_at=None)
    unfinished = Reconciliation.objects.create(next_attempt_at=NOW() + timedelta(days=1))
    age(Reconciliation.objects.all(), OLD, "started_at")
    age(Reconciliation.objects.exclude(pk=unfinished.pk), OLD, "finished_at")
    assert removed("reconciliations") == 1
    kept = Reconciliation.objects.filter(finished_at__isnull=False)
    assert kept.get().newest_at == newest
    Reconciliation.objects.create(phase="done", finished_at=NOW(), newest_at=newest, next_attempt_at=None)
    assert start_nightly().since is not None


# Payment links


def test_a_link_that_may_still_be_paid_by_stays() -> None:
    order = place_order(token="pm_card_chargeDeclined")
    link = create_link(order_id=order.pk, by=ANA, at=NOW())
    age(link, 200, "created_at")
    assert removed("payment_links") == 0
    PaymentLink.objects.update(expires_at=F("created_at"))
    assert removed("payment_links") == 1
    assert create_link(order_id=order.pk, by=ANA, at=NOW()) != link
