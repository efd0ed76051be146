"""A file of tracking numbers: what each row does, once, whoever applies it and however often."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from customers.actors import Actor
from customers.models import User
from ecommerce.models import Fulfillment, Order, OrderEvent, TrackingFile
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.tracking_files import apply, files
from ecommerce.tracking_files.ship import ship_together
from tests.support.bulk_jobs import a_clerk
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import fresh, kinds, paid_lines
from tests.support.tracking_files import applied, codes, numbers, outcomes, preview, to_send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]


@pytest.fixture
def ben() -> User:
    return a_clerk(actions=("fulfill",))


def send(order: Order, number: str = "", **more: Any) -> Order:
    return fulfill(order_id=order.pk, tracking_number=number, by=ANA, at=timezone.now(), **more)


def test_all_that_is_left_leaves_with_its_number(ben: User) -> None:
    whole, partly = to_send("MUG"), to_send("TEE", 3)
    send(partly, "FIRST1", items=[(partly.items.get().pk, 1)])
    file = preview((whole.number, "ABC123456"), (f"#{partly.number}", "abc 654321"))
    assert codes(file) == ["ship", "ship"]
    assert not Fulfillment.objects.filter(order=whole).exists()
    done = applied(file, ben)
    assert done.status == "done"
    assert outcomes(done) == [
        ("done", f"All that is left of order {whole.number} leaves with Van ABC123456."),
        ("done", f"All that is left of order {partly.number} leaves with Van ABC654321."),
    ]
    assert (fresh(whole).status, fresh(partly).status) == ("fulfilled", "fulfilled")
    assert numbers(whole) == [("Van", ["ABC123456"])]
    assert numbers(partly) == [("", ["FIRST1"]), ("Van", ["ABC654321"])]
    assert [item.left_to_send for order in (whole, partly) for item in order.items.all()] == [0, 0]
    event = OrderEvent.objects.get(order=whole, kind="fulfilled")
    assert (event.by_label, event.data["tracking_number"]) == (f"ben, tracking file {file.pk}", "ABC123456")


def test_the_same_file_twice_changes_nothing(ben: User) -> None:
    order, two = to_send("MUG"), to_send("TEE")
    rows = [(order.number, "ABC123456"), (two.number, "XYZ111111"), (two.number, "XYZ222222")]
    applied(preview(*rows), ben)
    before = list(Fulfillment.objects.values()), list(OrderEvent.objects.values())
    again = preview(*rows)
    assert codes(again) == ["has_number"] * 3
    assert {status for status, _ in outcomes(applied(again, ben))} == {"skipped"}
    assert before == (list(Fulfillment.objects.values()), list(OrderEvent.objects.values()))


def test_what_did_not_succeed_is_not_seen(ben: User) -> None:
    held, later = to_send("MUG"), to_send("TEE")
    Order.objects.filter(pk=held.pk).update(on_hold=True, hold_reason="Fraud?")
    rows = [(held.number, "ABC123456"), (later.number, "ABC654321"), ("999999", "ABC777777")]
    file = applied(preview(*rows), ben)
    assert outcomes(file) == [
        ("skipped", f"Order {held.number} is on hold: Fraud?."),
        ("done", f"All that is left of order {later.number} leaves with Van ABC654321."),
        ("failed", "There is no order 999999."),
    ]
    Order.objects.filter(pk=held.pk).update(on_hold=False, hold_reason="")
    assert codes(preview(*rows)) == ["ship", "has_number", "unknown"]
    assert files.try_again(file_id=file.pk, by=Actor.staff(ben))
    while apply.run(file_id=file.pk, seconds=60):
        pass
    assert [status for status, _ in outcomes(file)] == ["done", "done", "failed"]
    assert fresh(held).status == "fulfilled"


def test_several_numbers_of_an_order_are_one_parcel(ben: User) -> None:
    order = to_send()
    file = preview((order.number, "ABC111111"), (order.number, "ABC222222"), (order.number, "ABC111111"))
    assert codes(file) == ["ship", "further", "repeated"]
    applied(file, ben)
    assert numbers(order) == [("Van", ["ABC111111", "ABC222222"])]


def test_parts_by_sku_and_quantity(ben: User) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("TEE", shippable=True), 2))
    file = preview(
        (order.number, "ABC111111", "mug", 2),
        (order.number, "ABC111111", "TEE", 1),
        (order.number, "ABC222222", "MUG", 1),
    )
    assert codes(file) == ["part", "part", "part"]
    assert outcomes(file)[0][1] == f"2 x mug of order {order.number}: leaves with Van ABC111111."
    applied(file, ben)
    assert numbers(order) == [("Van", ["ABC111111"]), ("Van", ["ABC222222"])]
    contents = [
        list(parcel.items.order_by("item").values_list("quantity", flat=True))
        for parcel in order.fulfillments.order_by("pk")
    ]
    assert contents == [[2, 1], [1]]
    assert (fresh(order).status, fresh(order).fulfillment_state) == ("paid", "partial")
    rest = preview((order.number, "ABC333333", "", ""))
    applied(rest, ben)
    assert fresh(order).status == "fulfilled"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("ABC1", "MUG", 3), ("ABC1", "TEE", 1)], ["other_row", "unknown_sku"]),
        ([("ABC1", "MUG", 4)], ["too_many"]),
        ([("ABC1", "MUG", 2), ("ABC2", "MUG", 2)], ["part", "too_many"]),
        ([("ABC1", "MUG", ""), ("ABC2", "MUG", 1)], ["part", "too_many"]),
        ([("ABC1", "MUG", 0)], ["problem"]),
    ],
)
def test_parts_that_are_not_there(ben: User, rows: list[tuple[str, str, object]], expected: list[str]) -> None:
    order = to_send(quantity=3)
    file = preview(*((order.number, *row) for row in rows))
    assert codes(file) == expected
    applied(file, ben)
    assert order.fulfillments.count() == ("part" in expected)
    assert [code for code in codes(file) if code not in expected] == []


def test_a_number_is_corrected(ben: User) -> None:
    wrong, bare, two = to_send("MUG"), to_send("TEE"), to_send("CUP")
    send(wrong, "OLD111111", carrier="Van")
    send(bare)
    send(two, "TWO111111", items=[(two.items.get().pk, 1)])
    send(two, "TWO222222")
    file = preview((wrong.number, "NEW111111"), (bare.number, "NEW222222"), (two.number, "NEW333333"))
    assert [said for _, said in outcomes(file)] == [
        f"Order {wrong.number} was sent with OLD111111: its number becomes Van NEW111111.",
        f"Order {bare.number} was sent without a number: it gets Van NEW222222.",
        f"Order {two.number} was sent in several parcels: correct the number on its page.",
    ]
    applied(file, ben)
    assert (numbers(wrong), numbers(bare)) == ([("Van", ["NEW111111"])], [("Van", ["NEW222222"])])
    assert kinds(wrong)[-1] == "tracking_changed"
    assert numbers(two) == [("", ["TWO111111"]), ("", ["TWO222222"])]


def test_what_is_skipped_says_why(ben: User) -> None:
    troubled, canceled = to_send("MUG"), to_send("TEE")
    Order.objects.filter(pk=troubled.pk).update(attention="A refund failed.")
    cancel(order_id=canceled.pk, reason="", by=ANA, at=timezone.now())
    file = applied(preview((troubled.number, "ABC111111"), (canceled.number, "ABC222222"), ("", "X"), ("1", "")), ben)
    assert [said for _, said in outcomes(file)] == [
        f"Order {troubled.number} needs attention: A refund failed.",
        f"Order {canceled.number} waits for Stripe: try again in a minute.",
        "The order number is missing.",
        "The tracking number is missing.",
    ]


def test_a_number_that_the_carrier_does_not_know_needs_a_yes(ben: User) -> None:
    order = to_send()
    file = preview((order.number, "1Z999AA10123456785"), carrier="UPS")
    assert codes(file) == ["doubt"]
    assert "check digit" in outcomes(file)[0][1]
    applied(file, ben)
    assert fresh(order).status == "paid"
    yes = preview((order.number, "1Z999AA10123456785"), carrier="UPS")
    yes.accept_doubtful = True
    applied(yes, ben)
    assert numbers(order) == [("UPS", ["1Z999AA10123456785"])]


def test_an_order_that_changed_since_the_preview_is_judged_anew(ben: User) -> None:
    order = to_send()
    file = preview((order.number, "ABC111111"))
    send(order, "OTHER1111")
    assert codes(file) == ["ship"]
    assert codes(applied(file, ben)) == ["correct"]


def test_who_may_no_more_stops_it(ben: User) -> None:
    order = to_send()
    file = preview((order.number, "ABC111111"), by=ben)
    ben.user_permissions.clear()
    files.apply(file_id=file.pk, accept_doubtful=False, by=Actor.staff(ben))
    apply.run(file_id=file.pk, seconds=5)
    file.refresh_from_db()
    assert (file.status, fresh(order).status) == ("stopped", "paid")
    assert "may not fulfill orders any more" in file.message


def test_a_row_that_breaks_the_program_breaks_no_other(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [to_send(code) for code in ("MUG", "TEE", "CUP")]
    whole = ship_together

    def broken(file: Any, batch: Any, *args: Any, **more: Any) -> Any:
        if orders[1].pk in {order.pk for order in batch}:
            raise ValueError("broken")
        return whole(file, batch, *args, **more)

    monkeypatch.setattr(apply, "ship_together", broken)
    file = applied(preview(*((order.number, f"ABC{order.number}0000") for order in orders)), ben)
    assert [status for status, _ in outcomes(file)] == ["done", "failed", "done"]
    assert "An error in the program" in outcomes(file)[1][1]
    assert fresh(orders[1]).status == "paid"


def test_a_worker_stops_at_its_time_and_says_that_there_is_more(ben: User) -> None:
    order = to_send()
    file = preview((order.number, "ABC111111"))
    files.apply(file_id=file.pk, accept_doubtful=False, by=Actor.staff(ben))
    assert apply.run(file_id=file.pk, seconds=0)
    assert files.waiting().filter(pk=file.pk).exists()
    assert files.stop(file_id=file.pk, by=Actor.staff(ben))
    assert not apply.run(file_id=file.pk, seconds=60)
    assert fresh(order).status == "paid"
    assert files.try_again(file_id=file.pk, by=Actor.staff(ben))
    assert not apply.run(file_id=file.pk, seconds=60)
    assert fresh(order).status == "fulfilled"


@pytest.mark.parametrize("step", ["classify.classify", "ship_together", "apply_rows", "write_outcomes"])
def test_killed_at_each_step_it_goes_on(ben: User, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    whole, parts = to_send("MUG"), to_send("TEE", 2)
    file = preview((whole.number, "ABC111111", "", ""), (parts.number, "ABC222222", "TEE", 1))

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt  # as little caught as a signal

    with monkeypatch.context() as patch:
        patch.setattr(f"ecommerce.tracking_files.apply.{step}", killed)
        files.apply(file_id=file.pk, accept_doubtful=False, by=Actor.staff(ben))
        with pytest.raises(KeyboardInterrupt):
            apply.run(file_id=file.pk, seconds=60)
    assert files.waiting().filter(beat_at=None).exists() or file.rows.filter(status="pending").exists()
    applied(file, ben)
    assert [status for status, _ in outcomes(file)] == ["done", "done"]
    assert (numbers(whole), numbers(parts)) == ([("Van", ["ABC111111"])], [("Van", ["ABC222222"])])


@pytest.mark.django_db(transaction=True)
def test_two_people_apply_the_same_file_at_once_and_it_ships_once(ben: User) -> None:
    orders = [to_send(code) for code in ("MUG", "TEE", "CUP")]
    rows = [(order.number, f"ABC{order.number}0000") for order in orders]
    found = [preview(*rows), preview(*rows)]

    def work(file: TrackingFile) -> None:
        try:
            applied(file, ben)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(file,)) for file in [*found, *found]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Fulfillment.objects.count() == len(orders)
    ends = [sorted(pair) for pair in zip(*([s for s, _ in outcomes(file)] for file in found), strict=True)]
    assert ends == [["done", "skipped"]] * len(orders)
