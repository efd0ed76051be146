import pytest
from django.db.models import F, QuerySet
from django.utils import timezone

from customers.actors import Actor
from ecommerce.bulk_jobs import control, leases, slices
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.bulk_jobs.run import run_job, run_next_slice
from ecommerce.bulk_jobs.selection import SelectionChanged
from ecommerce.models import BulkJob, BulkJobItem, Fulfillment, Order, OrderEvent
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from tests.support.bulk_jobs import a_clerk, a_job, outcomes, run, work
from tests.support.factories import ANA, make_customer, make_sku
from tests.support.rows import a_paid_order, an_order

pytestmark = pytest.mark.django_db


def some_paid(count: int) -> "QuerySet[Order]":
    customer, sku = make_customer(), make_sku()
    for _each in range(count):
        a_paid_order(customer, sku)
    return Order.objects.all()


def test_every_order_is_fulfilled_with_its_event_and_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 3)
    job = run("fulfill", some_paid(8), a_clerk())

    assert (job.status, job.total) == ("succeeded", 8)
    assert [len(each.order_ids) for each in job.slices.order_by("number")] == [3, 3, 2]
    assert set(outcomes(job).values()) == {("done", "")}
    assert Order.objects.fulfilled().count() == 8
    assert Fulfillment.objects.count() == 8
    told = OrderEvent.objects.filter(kind="fulfilled").values_list("by_label", flat=True)
    assert list(told) == [f"ben, bulk job {job.pk}"] * 8
    assert not Order.objects.filter(fulfilled_at=None).exists()


def test_each_order_goes_through_its_own_transition(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = some_paid(3)
    passed: list[int] = []
    own = Order.fulfill

    def watched(self: Order, **terms: object) -> None:
        passed.append(self.pk)
        own(self, **terms)

    monkeypatch.setattr(Order, "fulfill", watched)
    run("fulfill", orders, a_clerk())

    assert sorted(passed) == sorted(orders.values_list("pk", flat=True))


def test_what_is_not_paid_is_skipped_in_words() -> None:
    customer, sku = make_customer(), make_sku()
    created, paid, already = an_order(customer, sku), a_paid_order(customer, sku), a_paid_order(customer, sku)
    fulfill(order_id=already.pk, by=ANA, at=timezone.now())
    job = run("fulfill", [created, paid, already], a_clerk())
    when = f"{Order.objects.get(pk=already.pk).fulfilled_at:%Y-%m-%d %H:%M %Z}"

    assert job.status == "partial"
    assert outcomes(job) == {
        created.number: (
            "skipped",
            f"Order {created.number} is created; only a paid order can be fulfilled.",
        ),
        paid.number: ("done", ""),
        already.number: (
            "skipped",
            f"Order {already.number} is fulfilled (by Ana at {when}); only a paid order can be fulfilled.",
        ),
    }
    assert Order.objects.get(pk=created.pk).status == "created"
    assert OrderEvent.objects.filter(kind="fulfilled").count() == 2


def test_of_two_jobs_over_the_same_orders_one_does_it_and_the_other_says_which() -> None:
    orders, ben = some_paid(4), a_clerk()
    first, second = a_job("fulfill", orders, ben), a_job("fulfill", orders, ben)
    work(first), work(second)

    assert {status for status, _reason in outcomes(first).values()} == {"done"}
    for status, reason in outcomes(second).values():
        assert status == "skipped"
        assert f"is fulfilled (by ben, bulk job {first.pk} at" in reason
    assert OrderEvent.objects.filter(kind="fulfilled").count() == 4


def test_a_bug_in_the_middle_of_a_slice_fails_that_one_order(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    orders = some_paid(7)
    poison = orders.order_by("pk")[3]
    own = Order.fulfill

    def broken(self: Order, **terms: object) -> None:
        if self.pk == poison.pk:
            raise ZeroDivisionError
        own(self, **terms)

    monkeypatch.setattr(Order, "fulfill", broken)
    job = run("fulfill", orders, a_clerk())

    sentence = f"An error in the program broke the work on order {poison.number}; it is in the worker log."
    assert job.status == "partial"
    assert outcomes(job)[poison.number] == ("failed", sentence)
    assert [status for status, _reason in outcomes(job).values()].count("done") == 6
    assert Order.objects.get(pk=poison.pk).status == "paid"
    assert "ZeroDivisionError" in caplog.text


def test_an_order_that_ends_its_worker_each_time_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = some_paid(3)
    poison = orders.order_by("pk")[1]
    own = Order.fulfill

    def killing(self: Order, **terms: object) -> None:
        if self.pk == poison.pk:
            raise KeyboardInterrupt  # goes up like the end of the process: nothing below catches it
        own(self, **terms)

    monkeypatch.setattr(Order, "fulfill", killing)
    job = a_job("fulfill", orders, a_clerk())
    deaths = 0
    while job.status != "partial" and deaths < 20:
        try:
            run_job(job_id=job.pk, seconds=10)
        except KeyboardInterrupt:
            deaths += 1
            job.slices.update(next_attempt_at=timezone.now())  # as if the lease had run out
        job.refresh_from_db()

    assert deaths == slices.MAX_ATTEMPTS_TOGETHER + slices.MAX_CRASHES
    assert outcomes(job)[poison.number] == (
        "failed",
        f"Order {poison.number} ended the worker each time it was begun, so it was left out.",
    )
    assert [status for status, _reason in outcomes(job).values()] == ["done", "failed", "done"]


def test_a_slice_of_a_dead_worker_is_free_when_its_lease_runs_out() -> None:
    job = a_job("fulfill", some_paid(2), a_clerk())
    job_slice = leases.claim_slice(job)
    assert job_slice is not None
    assert leases.claim_slice(job) is None
    job.slices.update(next_attempt_at=F("next_attempt_at") - leases.SLICE_LEASE)
    assert leases.claim_slice(job) is not None


def test_a_worker_that_lost_its_slice_to_another_changes_nothing() -> None:
    job = a_job("fulfill", some_paid(2), a_clerk())
    slow = leases.claim_slice(job)
    job.slices.update(next_attempt_at=F("next_attempt_at") - leases.SLICE_LEASE)
    quick = leases.claim_slice(job)
    assert slow is not None
    assert quick is not None
    slices.run_slice(job, slow)
    assert not BulkJobItem.objects.exists()
    slices.run_slice(job, quick)
    slices.run_slice(job, slow)

    assert OrderEvent.objects.filter(kind="fulfilled").count() == 2
    assert set(outcomes(job).values()) == {("done", "")}


def test_stop_keeps_the_rest_for_later_and_resume_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)
    orders, ben = some_paid(6), a_clerk()
    job = a_job("fulfill", orders, ben)
    assert run_next_slice(job.pk)
    control.stop(job_id=job.pk, by=ben)
    work(job)

    assert (job.status, job.message) == ("stopped", "Stopped by ben.")
    progress = Progress(job)
    assert (progress.done, progress.left) == (2, 4)
    assert Order.objects.fulfilled().count() == 2

    control.resume(job_id=job.pk, by=ben)
    work(job)
    assert (job.status, job.message) == ("succeeded", "")
    assert Progress(job).done == 6


def test_rights_taken_away_in_mid_job_stop_it_and_somebody_else_resumes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)
    orders, ben, cleo = some_paid(4), a_clerk(), a_clerk("cleo")
    job = a_job("fulfill", orders, ben)
    assert run_next_slice(job.pk)
    ben.user_permissions.clear()
    work(job)

    assert job.status == "stopped"
    assert job.message == (
        "ben may not fulfill orders any more, so the job was stopped. Somebody who may can resume it."
    )
    assert Order.objects.fulfilled().count() == 2
    with pytest.raises(control.BulkJobError, match="You may not fulfill orders"):
        control.resume(job_id=job.pk, by=type(ben).objects.get(pk=ben.pk))

    control.resume(job_id=job.pk, by=cleo)
    work(job)
    assert job.status == "succeeded"
    labels = OrderEvent.objects.filter(kind="fulfilled").order_by("pk").values_list("by_label", flat=True)
    assert [label.split(",")[0] for label in labels] == ["ben", "ben", "cleo", "cleo"]


@pytest.mark.parametrize("change", ["is_active", "deleted"])
def test_a_job_of_somebody_who_left_stops(change: str) -> None:
    orders, ben = some_paid(1), a_clerk()
    job = a_job("fulfill", orders, ben)
    if change == "deleted":
        ben.delete()
    else:
        type(ben).objects.update(is_active=False)
    work(job)

    assert job.status == "stopped"
    assert Order.objects.paid().count() == 1


def test_an_order_fulfilled_by_hand_during_the_job_is_skipped_with_who() -> None:
    orders = some_paid(2)
    job = a_job("fulfill", orders, a_clerk())
    by_hand = orders.order_by("pk")[0]
    fulfill(order_id=by_hand.pk, by=ANA, at=timezone.now())
    work(job)

    assert outcomes(job)[by_hand.number][0] == "skipped"
    assert "is fulfilled (by Ana at" in outcomes(job)[by_hand.number][1]


def test_an_empty_selection_makes_no_job() -> None:
    with pytest.raises(SelectionChanged):
        a_job("fulfill", Order.objects.none(), a_clerk())
    assert not BulkJob.objects.exists()


def test_what_failed_is_retried_in_a_new_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    orders, ben = some_paid(3), a_clerk()
    own = Order.fulfill
    poison = orders.order_by("pk")[0].pk

    def broken(self: Order, **terms: object) -> None:
        if self.pk == poison:
            raise ZeroDivisionError
        own(self, **terms)

    with monkeypatch.context() as patch:
        patch.setattr(Order, "fulfill", broken)
        first = run("fulfill", orders, ben)
    again = control.retry(job_id=first.pk, by=ben, at=timezone.now())
    work(again)

    assert (again.retry_of, again.total, again.status) == (first, 1, "succeeded")
    assert Order.objects.fulfilled().count() == 3
    with pytest.raises(control.BulkJobError, match=f"Bulk job {again.pk} retries this already"):
        control.retry(job_id=first.pk, by=ben, at=timezone.now())


def test_status_is_written_in_sets_by_write_transitions_alone() -> None:
    (order,) = some_paid(1)
    with pytest.raises(TypeError, match="write_transitions"):
        Order.objects.update(status="fulfilled")
    stale = Order.objects.get(pk=order.pk)
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    stale.cancel(at=timezone.now())
    with pytest.raises(Exception, match="1 orders are not paid any more"):
        Order.objects.write_transitions([stale], old="paid")
    assert Order.objects.get(pk=order.pk).status == "fulfilled"
    with pytest.raises(OrderError):
        fulfill(order_id=order.pk, by=Actor.staff(a_clerk()), at=timezone.now())
