"""Tags, holds, assignee and notes on the order page, in the list and by mass actions."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import User
from ecommerce.models import BulkJob, NoteAttachment, NoteMention, Order, OrderNote, Tag
from tests.support.admin import LIST, numbers, order_row, signed_in, viewer
from tests.support.factories import make_staff
from tests.support.order_acts import fresh

pytestmark = pytest.mark.django_db


def organizer() -> Client:
    return signed_in("ecommerce.view_order", "ecommerce.organize_order", "ecommerce.hold_order")


def page(client: Client, order: Order) -> str:
    response = client.get(f"{LIST}{order.pk}/change/")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def post(client: Client, order: Order, what: str, **data: Any) -> Any:
    return client.post(f"{LIST}{order.pk}/{what}/", data)


def test_tags_are_added_and_removed_on_the_page() -> None:
    order, client = order_row("paid"), organizer()
    assert post(client, order, "tags", add="fragile, VIP").status_code == 302
    post(client, order, "tags", remove="VIP")

    shown = page(client, order)
    assert "Remove the tag fragile" in shown
    assert "Remove the tag VIP" not in shown
    assert "added fragile, VIP" in shown  # in the history


def test_an_order_is_assigned_held_and_released_on_the_page() -> None:
    order, client, ben = order_row("paid"), organizer(), make_staff("ben")
    post(client, order, "assign", assignee=ben.pk)
    post(client, order, "hold", reason="Fraud?", until="2999-01-01T10:00")
    shown = page(client, order)

    assert fresh(order).assignee == ben
    assert "On hold: Fraud? (until 2999-01-01 10:00" in shown
    assert f"{order.pk}/release/" in shown
    post(client, order, "release")
    assert not fresh(order).on_hold


def test_who_may_only_see_changes_nothing() -> None:
    order, client = order_row("paid"), viewer()
    for what in ("tags", "assign", "note", "hold", "release"):
        assert post(client, order, what, add="x", text="x", reason="x").status_code == 403
    assert "Add note" not in page(client, order)
    assert not Tag.objects.exists()
    assert not OrderNote.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_note_and_its_file_that_is_never_shown_in_place() -> None:
    order, client = order_row("paid"), organizer()
    ben = make_staff("ben", "ecommerce.view_order")
    file = SimpleUploadedFile("<b>.html", b"<script>alert(1)</script>", content_type="text/html")
    assert post(client, order, "note", text="<b>Look</b> @ben", attachments=file).status_code == 302
    shown = page(client, order)
    link = f"{LIST}{order.pk}/attachment/{NoteAttachment.objects.get().pk}/"
    answer = client.get(link)

    assert shown.count("&lt;b&gt;Look&lt;/b&gt; @ben") == 2  # at the side and in the history
    assert link in shown
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"  # type: ignore[attr-defined]
    assert client.get(f"{LIST}{order_row('paid').pk}/attachment/{NoteAttachment.objects.get().pk}/").status_code == 404
    assert signed_in("ecommerce.view_product").get(link).status_code == 403

    theirs = Client()
    theirs.force_login(ben)
    assert "Mentions" in theirs.get("/admin/").content.decode()
    mention = NoteMention.objects.get()
    assert theirs.get(f"{LIST}mention/{mention.pk}/").headers["Location"].endswith(f"#note-{mention.note_id}")
    assert client.get(f"{LIST}mention/{mention.pk}/").status_code == 404
    assert "@ben" not in theirs.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_an_empty_note_is_asked_for_again_with_what_was_typed() -> None:
    order, client = order_row("paid"), organizer()
    answer = post(client, order, "note", text="x" * 5001)
    assert answer.status_code == 422
    assert "x" * 5001 in answer.content.decode()


def test_the_list_shows_and_finds_tags_holds_and_assignees() -> None:
    client, ben = organizer(), make_staff("ben")
    tagged, held, mine, plain = (order_row("paid") for _each in range(4))
    post(client, tagged, "tags", add="Big deal")
    post(client, held, "hold", reason="Address?")
    Order.objects.filter(pk=mine.pk).update(assignee=ben)
    tag = Tag.objects.get()

    shown = client.get(LIST).content.decode()
    assert ("Big deal" in shown, "Address?" in shown, "Assigned to ben" in shown) == (True, True, True)
    for query, found in (
        (f"?tag={tag.pk}", [tagged]),
        ("?q=tag:big deal", [tagged]),
        ("?q=BIG DEAL", [tagged]),
        ("?q=tag:other", []),
        ("?on_hold=1", [held]),
        (f"?assignee={ben.pk}", [mine]),
        ("?on_hold=0", [plain, mine, tagged]),
    ):
        assert numbers(client, query) == [each.number for each in found], query


def test_mine_is_a_filter() -> None:
    ben = make_staff("ben", "ecommerce.view_order")
    mine = order_row("paid", assignee=ben)
    order_row("paid")
    client = Client()
    client.force_login(ben)
    assert f"?assignee={ben.pk}" in client.get(LIST).content.decode()
    assert numbers(client, f"?assignee={ben.pk}") == [mine.number]


def confirmed(client: Client, action: str, *orders: Order, **data: Any) -> Any:
    chosen = {"action": action, "_selected_action": [order.pk for order in orders], "select_across": "0"}
    return client.post(LIST, chosen | {"confirmed": "1"} | data)


@pytest.mark.parametrize(
    ("action", "data", "reason", "parameters"),
    [
        (
            "tag_orders",
            {"add": "VIP", "remove": "old"},
            "Added: VIP; Removed: old",
            {"add": ["VIP"], "remove": ["old"]},
        ),
        ("hold_orders", {"reason": "Recall"}, "Recall", {}),
        ("release_orders", {}, "", {}),
    ],
)
def test_mass_actions_ask_and_start_a_job(
    action: str, data: dict[str, str], reason: str, parameters: dict[str, Any]
) -> None:
    order, client = order_row("paid", on_hold=action == "release_orders"), organizer()
    asked = client.post(LIST, {"action": action, "_selected_action": [order.pk]})
    assert asked.status_code == 200
    assert confirmed(client, action, order, **data).status_code == 302
    job = BulkJob.objects.get()
    assert (job.action, job.reason, job.parameters) == (action.removesuffix("_orders"), reason, parameters)


def test_orders_are_assigned_by_a_mass_action() -> None:
    order, client, ben = order_row("paid"), organizer(), make_staff("ben")
    confirmed(client, "assign_orders", order, assignee=ben.pk)
    job = BulkJob.objects.get()
    assert (job.action, job.reason, job.parameters) == ("assign", "To ben", {"assignee": ben.pk})


@pytest.mark.parametrize(("action", "sentence"), [("tag_orders", "Name a tag"), ("hold_orders", "Say why")])
def test_what_is_missing_is_asked_for_again(action: str, sentence: str) -> None:
    order, client = order_row("paid"), organizer()
    answer = confirmed(client, action, order)
    assert sentence in answer.content.decode()
    assert not BulkJob.objects.exists()


def test_only_active_staff_are_offered() -> None:
    gone = make_staff("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    order, client = order_row("paid"), organizer()
    post(client, order, "assign", assignee=gone.pk)
    assert fresh(order).assignee_id is None
