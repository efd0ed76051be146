"""Tags, holds and assignees of orders."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import User
from ecommerce.models import Order, OrderTag, Tag
from ecommerce.orders.assign import assign
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold, release, release_expired
from ecommerce.orders.tags import tag
from ecommerce.tasks import sweep
from tests.support.admin import order_row
from tests.support.factories import ANA, make_staff
from tests.support.order_acts import at_once, fresh, fulfilled, kinds, paid, refused, settle

pytestmark = pytest.mark.django_db


def held(order: Order, reason: str = "Fraud?", **terms: Any) -> Order:
    return hold(order_id=order.pk, reason=reason, by=ANA, at=timezone.now(), **terms)


def tags_of(order: Order) -> list[str]:
    return list(order.tags.order_by("name").values_list("name", flat=True))


def tagged(order: Order, *names: str, remove: tuple[str, ...] = ()) -> Order:
    return tag(order_id=order.pk, add=names, remove=remove, by=ANA, at=timezone.now())


# Tags


def test_tags_are_made_by_the_way_and_recorded() -> None:
    order = order_row("paid")
    tagged(order, "fragile, VIP", " fragile ")
    tagged(order, "vip", remove=("Fragile", "unknown"))

    assert tags_of(order) == ["VIP"]
    assert [event.data for event in order.events.order_by("pk")] == [
        {"added": ["fragile", "VIP"], "removed": []},
        {"added": [], "removed": ["fragile"]},
    ]


def test_a_tag_that_is_there_already_is_no_event() -> None:
    order = order_row("canceled")
    tagged(order, "VIP")
    tagged(order, "vip")

    assert kinds(order) == ["tags_changed"]
    assert Tag.objects.count() == 1


def test_a_long_tag_is_refused() -> None:
    order = order_row("paid")
    with refused("invalid_tag"):
        tagged(order, "x" * 41)
    assert not OrderTag.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_make_the_same_tag_at_once() -> None:
    orders = [order_row("paid"), order_row("paid")]
    assert at_once(*(lambda order=order: tagged(order, "VIP") for order in orders)) == ["done", "done"]
    assert [tags_of(order) for order in orders] == [["VIP"], ["VIP"]]


# Holds


def test_an_order_is_held_until_somebody_releases_it() -> None:
    order = held(order_row("paid"))
    assert (fresh(order).on_hold, fresh(order).hold_reason) == (True, "Fraud?")

    release(order_id=order.pk, by=ANA, at=timezone.now())
    assert (fresh(order).on_hold, fresh(order).hold_reason) == (False, "")
    assert kinds(order) == ["held", "released"]


def test_what_is_on_hold_is_not_sent() -> None:
    order = held(paid())
    with refused("on_hold"):
        fulfill(order_id=order.pk, by=ANA, at=timezone.now(), despite_attention=True)
    release(order_id=order.pk, by=ANA, at=timezone.now())
    assert fulfill(order_id=order.pk, by=ANA, at=timezone.now()).status == "fulfilled"


def test_a_hold_needs_a_reason_and_an_end_that_is_not_over() -> None:
    order = order_row("created")
    with refused("reason_required"):
        held(order, " ")
    with refused("invalid_until"):
        held(order, until=timezone.now())


def test_only_what_has_not_left_is_held_and_once() -> None:
    sent = fulfilled()
    with refused("wrong_status"):
        held(sent)
    order = held(order_row("paid"))
    with refused("on_hold"):
        held(order, "Another reason")


def test_what_is_not_on_hold_is_not_released() -> None:
    order = order_row("paid")
    with refused("not_on_hold"):
        release(order_id=order.pk, by=ANA, at=timezone.now())


def test_a_hold_ends_by_itself() -> None:
    now = timezone.now()
    over, later, endless = (order_row("paid") for _each in range(3))
    held(over, until=now + timedelta(hours=1))
    held(later, until=now + timedelta(hours=3))
    held(endless)

    assert release_expired(at=now + timedelta(hours=2)) == 1
    assert release_expired(at=now + timedelta(hours=2)) == 0
    assert [fresh(each).on_hold for each in (over, later, endless)] == [False, True, True]
    event = over.events.latest("pk")
    assert (event.kind, event.by_kind, event.data) == ("released", "system", {"expired": True})


def test_a_canceled_order_is_on_hold_no_more() -> None:
    order = held(paid())
    cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())
    order = settle(order)
    assert (order.status, order.on_hold, order.hold_reason) == ("canceled", False, "")


@pytest.mark.django_db(transaction=True)
def test_two_hold_an_order_at_once() -> None:
    order = order_row("paid")
    acts = [lambda: held(order, "One"), lambda: held(order, "Two")]
    assert sorted(at_once(*acts)) == ["done", "on_hold"]
    assert kinds(order) == ["held"]


# Assignees


def test_an_order_is_assigned_and_let_go() -> None:
    order, ben = order_row("paid"), make_staff("ben")
    for user_id in (ben.pk, ben.pk, None):
        assign(order_id=order.pk, assignee_id=user_id, by=ANA, at=timezone.now())

    assert fresh(order).assignee is None
    assert [event.data for event in order.events.order_by("pk")] == [{"assignee": "ben"}, {"assignee": ""}]


def test_only_active_staff_are_assigned() -> None:
    order = order_row("paid")
    gone = make_staff("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with refused("unknown_assignee"):
        assign(order_id=order.pk, assignee_id=gone.pk, by=ANA, at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_a_hold_and_a_parcel_at_once_never_both() -> None:
    order = paid()
    acts = [lambda: held(order), lambda: fulfill(order_id=order.pk, by=ANA, at=timezone.now())]
    done = at_once(*acts)
    order = fresh(order)
    assert sorted(done) in (["done", "on_hold"], ["done", "wrong_status"])
    assert (order.status, order.on_hold) in {("paid", True), ("fulfilled", False)}


@pytest.mark.django_db(transaction=True)
def test_the_sweep_releases_what_is_over() -> None:
    order = held(order_row("paid"), until=timezone.now() + timedelta(seconds=0.2))
    time.sleep(0.3)
    sweep()
    assert not fresh(order).on_hold
