"""Tagging, holding, releasing and assigning many orders."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from customers.models import User
from ecommerce.models import BulkJob, Order, OrderEvent
from tests.support.admin import order_row
from tests.support.bulk_jobs import a_job, outcomes, run, work
from tests.support.factories import make_staff

pytestmark = pytest.mark.django_db


def organizer() -> User:
    return make_staff("ben", "ecommerce.view_order", "ecommerce.organize_order", "ecommerce.hold_order")


def two_slices(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)
    return [order_row("paid") for _each in range(3)]


def test_many_are_tagged(monkeypatch: pytest.MonkeyPatch) -> None:
    orders, ben = two_slices(monkeypatch), organizer()
    first = run("tag", orders[:1], ben, parameters={"add": ["VIP"], "remove": []})
    job = run("tag", orders, ben, parameters={"add": ["vip"], "remove": ["gone"]})

    assert (first.status, job.status) == ("succeeded", "partial")
    assert [status for status, _why in outcomes(job).values()] == ["skipped", "done", "done"]
    assert "has these tags already" in outcomes(job)[orders[0].number][1]
    assert OrderEvent.objects.filter(kind="tags_changed", by_label=f"ben, bulk job {job.pk}").count() == 2


def test_many_are_held_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    orders, ben = [*two_slices(monkeypatch), order_row("fulfilled")], organizer()
    job = run("hold", orders, ben, reason="Stocktaking", parameters={"until": "2999-01-01T00:00:00+00:00"})

    assert [status for status, _why in outcomes(job).values()] == ["done", "done", "done", "skipped"]
    assert "only a created or paid order can be put on hold" in outcomes(job)[orders[3].number][1]
    found = Order.objects.filter(on_hold=True).values_list("hold_reason", "hold_until__year")
    assert list(found) == [("Stocktaking", 2999)] * 3

    job = run("release", orders, ben)
    assert [status for status, _why in outcomes(job).values()] == ["done", "done", "done", "skipped"]
    assert not Order.objects.filter(on_hold=True).exists()


def test_many_are_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    orders, ben = two_slices(monkeypatch), organizer()
    run("assign", orders, ben, parameters={"assignee": ben.pk})
    assert Order.objects.filter(assignee=ben).count() == 3

    job = a_job("assign", orders, ben, parameters={"assignee": make_staff("eve").pk})
    User.objects.filter(username="eve").update(is_active=False)
    assert work(job).status == "failed"
    assert set(outcomes(job).values()) == {("failed", "Choose an active member of staff.")}


@pytest.mark.parametrize(
    ("action", "codename"),
    [("tag", "organize_order"), ("assign", "organize_order"), ("hold", "hold_order"), ("release", "hold_order")],
)
def test_a_job_stops_without_the_permission(action: str, codename: str) -> None:
    ben = organizer()
    job = a_job(action, [order_row("paid")], ben, parameters={"add": ["VIP"]})
    ben.user_permissions.remove(Permission.objects.get(codename=codename))
    assert work(job).status == "stopped"


def test_on_hold_is_skipped_by_a_job_that_fulfills() -> None:
    held, free = order_row("paid", on_hold=True, hold_reason="Fraud?"), order_row("paid")
    ben = make_staff("cleo", "ecommerce.fulfill_order")
    job = run("fulfill", [held, free], ben)
    assert outcomes(job) == {
        held.number: ("skipped", f"Order {held.number} is on hold: Fraud?. Release it first."),
        free.number: ("done", ""),
    }


def test_what_a_job_needs_is_kept_for_its_retry() -> None:
    terms: dict[str, Any] = {"parameters": {"add": ["VIP"], "remove": []}}
    job = a_job("tag", [order_row("paid")], organizer(), **terms)
    assert BulkJob.objects.get(pk=job.pk).parameters == terms["parameters"]
