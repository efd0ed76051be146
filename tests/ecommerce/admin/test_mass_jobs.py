import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import User
from ecommerce.bulk_jobs import control
from ecommerce.models import BulkJob, Order, OrderAct
from ecommerce.orders.fulfill import fulfill
from ecommerce.pricing.order import Line, Shipping
from ecommerce.pricing.refunds import refund_of_amount
from tests.support.bulk_jobs import a_clerk, outcomes, run, work
from tests.support.factories import ANA, make_customer, make_sku
from tests.support.rows import a_paid_order, a_refund, an_order, sku_of
from tests.support.taxed import VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db
LIST = "/admin/ecommerce/order/"
PAID = LIST + "?status__exact=paid"
FULFILLED = LIST + "?status__exact=fulfilled"


@pytest.fixture
def ben() -> User:
    return a_clerk()


@pytest.fixture
def client(ben: User) -> Client:
    client = Client()
    client.force_login(ben)
    return client


@pytest.fixture
def paid() -> list[Order]:
    customer = make_customer()
    mug, lamp = make_sku(price=4500), make_sku("LAMP", price=2000, currency="eur")
    return [a_paid_order(customer, sku, quantity=1) for sku in (mug, mug, lamp)]


def choose(client: Client, url: str, action: str, **posted: Any) -> Any:
    return client.post(url, {"action": action, "select_across": "0", "index": "0", **posted})


def hidden(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', response.content.decode()):
        found.setdefault(name, []).append(value.replace("&quot;", '"'))
    return found


def button(response: Any) -> str:
    page: str = response.content.decode()
    pressed: str = re.findall(r'<button class="o-button o-(?:danger|primary)">([^<]*)</button>', page)[0]
    return pressed


def ids(orders: list[Order]) -> list[int]:
    return [order.pk for order in orders]


def test_what_goes_back_includes_tax_and_shipping_and_not_what_went_before(client: Client) -> None:
    # 10.00 with 19 % on top and shipping of 5.00 with 0.95: 17.85, less 4.00 of goodwill.
    line = Line(unit_price=1000, quantity=1, taxes=(VAT_19,))
    order = a_taxed_order(make_customer(), [line], shipping=Shipping(price=500, taxes=(VAT_19,)), at=timezone.now())
    asked = choose(client, PAID, "cancel_orders", _selected_action=[order.pk])
    assert button(asked) == "Cancel 1 order, refund EUR 17.85"
    give_back(order, refund_of_amount(cells_left(order), 400, currency="eur"), at=timezone.now())
    asked = choose(client, PAID, "cancel_orders", _selected_action=[order.pk])
    assert button(asked) == "Cancel 1 order, refund EUR 13.85"
    assert "Cancel order, refund EUR 13.85" in client.get(f"{LIST}{order.pk}/cancel/").content.decode()


def test_canceling_asks_with_counts_and_money_first(client: Client, paid: list[Order]) -> None:
    asked = choose(client, PAID, "cancel_orders", _selected_action=ids(paid))

    assert asked.status_code == 200
    assert button(asked) == "Cancel 3 orders, refund EUR 20.00 + USD 90.00"
    assert not BulkJob.objects.exists()
    done = client.post(PAID, hidden(asked) | {"reason": "Recalled"})
    assert done["Location"] == PAID
    job = BulkJob.objects.get()
    assert (job.action, job.total, job.reason, job.by_label) == ("cancel", 3, "Recalled", "ben")
    assert job.selection["words"] == "3 ticked orders"
    page = client.get(PAID).content.decode()
    assert f"Bulk job {job.pk} is running: cancel 3 orders. Reload this page to see how far it is, or" in page
    assert f'data-job="{job.pk}" data-status="queued"' in page
    assert "0 done, 0 skipped, 0 failed, 3 left" in page


def test_skips_are_named_with_their_reasons(client: Client, paid: list[Order]) -> None:
    customer = paid[0].customer
    created = an_order(customer, sku_of(paid[0]))
    fulfill(order_id=paid[1].pk, by=ANA, at=timezone.now())
    asked = choose(client, PAID, "cancel_orders", _selected_action=[*ids(paid), created.pk])

    assert button(asked) == "Cancel 2 orders, refund EUR 20.00 + USD 45.00"
    page = asked.content.decode()
    assert "Skipped: 2" in page
    assert "1 is created; only a paid order can be canceled." in page
    assert "1 is fulfilled; only a paid order can be canceled." in page


def test_what_was_refunded_before_does_not_go_back_again(client: Client, paid: list[Order]) -> None:
    a_refund(paid[0], 1500)
    asked = choose(client, PAID, "cancel_orders", _selected_action=ids(paid))
    assert button(asked) == "Cancel 3 orders, refund EUR 20.00 + USD 75.00"


def test_what_another_act_is_in_flight_with_waits_and_its_money_is_not_counted(
    client: Client, paid: list[Order]
) -> None:
    OrderAct.objects.create(order=paid[2], kind="refund", **ANA.columns)
    asked = choose(client, PAID, "cancel_orders", _selected_action=ids(paid))
    assert button(asked) == "Cancel 3 orders, refund USD 90.00"
    assert "1 waits for Stripe with something else, and is taken once that has ended." in asked.content.decode()


def test_fulfilling_asks_for_a_carrier_or_none(client: Client, paid: list[Order]) -> None:
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    assert '<option value="Royal Mail">' in asked.content.decode()
    client.post(PAID, hidden(asked) | {"carrier": "dhl  paket"})
    job = BulkJob.objects.get()
    assert (job.parameters, job.reason) == ({"carrier": "DHL"}, "Carrier: DHL")


def test_fulfilling_names_no_money(client: Client, paid: list[Order]) -> None:
    a_refund(paid[2], 2000)
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    assert button(asked) == "Fulfill 2 orders"
    assert "1 was wholly refunded; it can only be canceled." in asked.content.decode()


def test_where_nothing_can_change_there_is_no_button(client: Client, paid: list[Order]) -> None:
    asked = choose(client, FULFILLED, "return_orders", _selected_action=ids(paid))
    page = asked.content.decode()
    assert "None of these orders can be changed so." in page
    assert "o-danger" not in page


@pytest.mark.parametrize(("posted", "restock"), [({"restock": "1"}, True), ({}, False)])
def test_returning_asks_whether_to_restock(
    client: Client, paid: list[Order], posted: dict[str, str], *, restock: bool
) -> None:
    for order in paid:
        fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    asked = choose(client, FULFILLED, "return_orders", _selected_action=ids(paid))
    assert 'name="restock" value="1" checked' in asked.content.decode()
    client.post(FULFILLED, hidden(asked) | posted)
    assert BulkJob.objects.get().restock is restock


def test_a_ticked_order_that_changed_meanwhile_is_in_the_job_which_says_what_happened(
    client: Client, ben: User, paid: list[Order]
) -> None:
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    fulfill(order_id=paid[0].pk, by=ANA, at=timezone.now())
    client.post(PAID, hidden(asked))
    job = work(BulkJob.objects.get())

    assert job.total == 3
    assert outcomes(job)[paid[0].number][0] == "skipped"
    assert "is fulfilled (by Ana at" in outcomes(job)[paid[0].number][1]
    assert [status for status, _reason in outcomes(job).values()].count("done") == 2


def test_all_that_match_are_frozen_when_confirmed(client: Client, paid: list[Order]) -> None:
    asked = choose(client, PAID + "&currency=usd", "fulfill_orders", select_across="1", _selected_action=paid[0].pk)
    assert button(asked) == "Fulfill 2 orders"
    assert "All that matched: Tab Paid; Currency: USD" in asked.content.decode()
    client.post(PAID + "&currency=usd", hidden(asked))
    later = a_paid_order(paid[0].customer, sku_of(paid[0]))
    job = work(BulkJob.objects.get())

    assert job.total == 2
    assert Order.objects.get(pk=later.pk).status == "paid"
    assert Order.objects.get(pk=paid[2].pk).status == "paid"


def test_all_that_match_are_shown_again_if_others_match_by_then(client: Client, paid: list[Order]) -> None:
    asked = choose(client, PAID, "cancel_orders", select_across="1", _selected_action=paid[0].pk)
    a_paid_order(paid[0].customer, sku_of(paid[0]), quantity=1)
    again = client.post(PAID, hidden(asked))

    assert again.status_code == 200
    assert "Other orders match now than you had seen." in again.content.decode()
    assert button(again) == "Cancel 4 orders, refund EUR 20.00 + USD 135.00"
    assert not BulkJob.objects.exists()
    assert client.post(PAID, hidden(again)).status_code == 302
    assert BulkJob.objects.get().total == 4


def test_two_thousand_ticked_ids_are_no_problem(client: Client) -> None:
    customer, sku = make_customer(), make_sku()
    one = a_paid_order(customer, sku)
    ticked = [one.pk, *range(one.pk + 1, one.pk + 2_000)]
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ticked)
    assert button(asked) == "Fulfill 1 order"
    assert client.post(PAID, hidden(asked)).status_code == 302
    assert BulkJob.objects.get().total == 1


@pytest.mark.parametrize("action", ["fulfill", "cancel", "return", "export"])
def test_nobody_starts_what_they_may_not(paid: list[Order], action: str) -> None:
    others = tuple(each for each in ("fulfill", "cancel", "return", "export") if each != action)
    client = Client()
    client.force_login(a_clerk("cleo", others))
    tab = FULFILLED if action == "return" else PAID
    for confirmed in ({}, {"confirmed": "1"}):
        assert choose(client, tab, f"{action}_orders", _selected_action=ids(paid), **confirmed).status_code == 403
    assert not BulkJob.objects.exists()


def test_the_strip_says_how_it_ended_until_it_is_put_away(client: Client, ben: User, paid: list[Order]) -> None:
    job = run("fulfill", paid, ben)
    page = client.get(LIST).content.decode()
    assert f"Bulk job {job.pk} is complete: fulfill 3 orders." in page
    assert "3 done, 0 skipped, 0 failed" in page
    assert "hx-get" not in page[page.index("bulk-job-banner") : page.index("o-tabs")]

    gone = client.post(f"/admin/ecommerce/bulkjob/{job.pk}/dismiss/", {"next": PAID})
    assert gone["Location"] == PAID
    assert f"Bulk job {job.pk}" not in client.get(LIST).content.decode()
    elsewhere = client.post(f"/admin/ecommerce/bulkjob/{job.pk}/dismiss/", {"next": "https://example.com/"})
    assert elsewhere["Location"] == LIST


def test_the_strip_asks_no_more_for_several_jobs(client: Client, ben: User, paid: list[Order]) -> None:
    for order in paid:
        run("fulfill", [order], ben)
    with CaptureQueriesContext(connection) as asked:
        page = client.get(LIST).content.decode()
    assert page.count("is complete: fulfill 1 order.") == 3
    assert len([query for query in asked if "bulkjob" in query["sql"]]) == 3


def test_the_strip_leads_to_what_failed(
    client: Client, ben: User, paid: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Order, **terms: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Order, "fulfill", broken)
        job = run("fulfill", paid, ben)
    url = f"/admin/ecommerce/bulkjob/{job.pk}/"
    banner = client.get("/admin/ecommerce/bulkjob/strip/").content.decode()
    assert f"Bulk job {job.pk} failed: fulfill 3 orders." in banner
    assert f'href="{url}change/?outcome=failed">Review' in banner

    page = client.get(f"{url}change/?outcome=failed").content.decode()
    for order in paid:
        assert f'{LIST}{order.pk}/change/">{order.number}</a>' in page
        assert f"An error in the program broke the work on order {order.number}; it is in the worker log." in page
    again = client.post(f"{url}retry/do/")
    retry = BulkJob.objects.get(retry_of=job)
    assert again["Location"] == f"/admin/ecommerce/bulkjob/{retry.pk}/change/"
    assert work(retry).status == "succeeded"
    assert "Retry failed" not in client.get(f"{url}change/").content.decode()


def test_stop_and_resume_from_the_page(client: Client, ben: User, paid: list[Order]) -> None:
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    client.post(PAID, hidden(asked))
    job = BulkJob.objects.get()
    url = f"/admin/ecommerce/bulkjob/{job.pk}/"
    assert ">Stop</button>" in client.get(f"{url}change/").content.decode()
    client.post(f"{url}stop/do/")
    assert work(job).status == "stopped"
    page = client.get(f"{url}change/").content.decode()
    assert "Stopped by ben." in page
    assert "is stopped: fulfill 3 orders." in page
    client.post(f"{url}resume/do/")
    assert work(job).status == "succeeded"
    assert Order.objects.fulfilled().count() == 3


def test_whoever_may_only_look_sees_jobs_and_no_buttons(ben: User, paid: list[Order]) -> None:
    job = run("fulfill", paid, ben)
    control_url = f"/admin/ecommerce/bulkjob/{job.pk}/"
    viewer = Client()
    viewer.force_login(a_clerk("vera", ()))
    page = viewer.get(f"{control_url}change/")
    assert page.status_code == 200
    assert "/do/" not in page.content.decode()
    for act in ("stop", "resume", "retry"):
        assert viewer.post(f"{control_url}{act}/do/").status_code == 403
    assert viewer.get(f"{control_url}stop/do/").status_code == 405
    listed = viewer.get("/admin/ecommerce/bulkjob/").content.decode()
    assert "fulfill 3 orders" in listed
    assert "3 done" in listed
    nobody = Client()
    nobody.force_login(User.objects.create_user("zoe", is_staff=True))
    assert nobody.get(f"{control_url}change/").status_code == 403
    assert nobody.get(f"{control_url}result.csv").status_code == 403


def test_a_job_without_a_worker_says_so(client: Client, ben: User, paid: list[Order]) -> None:
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    client.post(PAID, hidden(asked))
    job = BulkJob.objects.get()
    since = timezone.now() - timedelta(minutes=5)
    BulkJob.objects.update(status="running", beat_at=since)
    page = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/change/?fragment=progress").content.decode()
    assert f"waiting for a worker since {since:%H:%M} UTC" in page
    assert 'hx-trigger="every 2s"' in page


def test_the_outcomes_are_paged_by_key(client: Client, ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.bulk_jobs.items.PAGE_SIZE", 2)
    customer, sku = make_customer(), make_sku()
    orders = [a_paid_order(customer, sku) for _each in range(5)]
    job = run("fulfill", orders, ben)
    url = f"/admin/ecommerce/bulkjob/{job.pk}/change/"
    seen, query = [], "?outcome=done"
    for _page in range(3):
        page = client.get(url + query).context["page"]
        seen.append([row.number for row in page.rows])
        query = "?" + page.next
    numbers = [order.number for order in orders]
    assert seen == [numbers[:2], numbers[2:4], numbers[4:]]
    assert page.next == ""
    back = client.get(f"{url}?{page.previous}").context["page"]
    assert [row.number for row in back.rows] == numbers[2:4]
    assert client.get(url + "?outcome=skipped").context["page"].rows == []


@pytest.mark.django_db(transaction=True)
def test_the_result_of_a_job_is_a_file(client: Client, ben: User, paid: list[Order]) -> None:
    fulfill(order_id=paid[1].pk, by=ANA, at=timezone.now())
    job = run("fulfill", paid, ben)
    answer = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/result.csv")
    rows = b"".join(answer.streaming_content).decode().split("\r\n")  # type: ignore[attr-defined]
    assert rows[0] == "order,outcome,reason"
    assert rows[1] == f"{paid[0].number},done,"
    assert rows[2].startswith(f"{paid[1].number},skipped,Order {paid[1].number} is fulfilled (by Ana at")
    assert len(rows) == 5


def test_refusals_of_buttons_are_said(client: Client, ben: User, paid: list[Order]) -> None:
    job = run("fulfill", paid, ben)
    url = f"/admin/ecommerce/bulkjob/{job.pk}/"
    for act, sentence in (
        ("stop", "is not running."),
        ("resume", "was not stopped."),
        ("retry", "Nothing failed in"),
        ("delete", "Choose Stop, Resume or Retry failed."),
    ):
        assert sentence in client.post(f"{url}{act}/do/", follow=True).content.decode()
    with pytest.raises(control.BulkJobError):
        control.stop(job_id=job.pk, by=ben)


def test_the_button_pressed_twice_makes_one_job(client: Client, paid: list[Order]) -> None:
    form = hidden(choose(client, PAID, "cancel_orders", _selected_action=ids(paid)))
    for _ in range(2):
        assert client.post(PAID, form).status_code == 302

    assert BulkJob.objects.count() == 1
    again = hidden(choose(client, PAID, "cancel_orders", _selected_action=ids(paid)))
    assert again["confirmation"] != form["confirmation"]


@pytest.mark.parametrize("unknown", ["4711", "9" * 30, "none"])
def test_what_is_no_job_is_not_found(client: Client, unknown: str) -> None:
    job = f"/admin/ecommerce/bulkjob/{unknown}/"
    for page in ("change/", "download/", "result.csv"):
        assert client.get(job + page, follow=True).status_code == 404
    for act in ("stop/do/", "resume/do/", "retry/do/", "dismiss/"):
        assert client.post(job + act, follow=True).status_code == 404


def test_an_empty_list_of_jobs_says_how_one_is_made(client: Client) -> None:
    page = client.get("/admin/ecommerce/bulkjob/").content.decode()
    assert "Tick orders in their list and choose a mass action" in page


def trouble(order: Order, why: str = "The bank disputes this payment.") -> None:
    Order.objects.filter(pk=order.pk).update(attention=why)


def may_accept(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="fulfill_attention_order"))


def test_orders_that_need_attention_are_listed_and_skipped_without_the_permission(
    client: Client, paid: list[Order]
) -> None:
    trouble(paid[1])
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    page = asked.content.decode()
    assert button(asked) == "Fulfill 2 orders"
    assert "1 needs attention." in page
    assert f"Order {paid[1].number}</a>: The bank disputes this payment." in page
    assert "despite_attention" not in page
    client.post(PAID, hidden(asked) | {"despite_attention": "1"})
    job = work(BulkJob.objects.get())
    assert outcomes(job)[paid[1].number][0] == "skipped"
    assert Order.objects.get(pk=paid[1].pk).status == "paid"


@pytest.mark.parametrize(("posted", "status"), [({"despite_attention": "1"}, "done"), ({}, "skipped")])
def test_with_the_permission_they_are_fulfilled_all_the_same_where_that_is_ticked(
    client: Client, ben: User, paid: list[Order], posted: dict[str, str], status: str
) -> None:
    may_accept(ben)
    trouble(paid[1])
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    assert "Fulfill 1 order that needs attention all the same" in asked.content.decode()
    client.post(PAID, hidden(asked) | posted)
    job = work(BulkJob.objects.get())
    assert outcomes(job)[paid[1].number][0] == status
    assert [outcomes(job)[order.number][0] for order in (paid[0], paid[2])] == ["done", "done"]
    if status == "done":
        event = paid[1].events.get(kind="fulfilled")
        assert (event.data["despite"], event.by_label) == ("The bank disputes this payment.", f"ben, bulk job {job.pk}")


def test_where_all_need_attention_the_box_has_to_be_ticked(client: Client, ben: User, paid: list[Order]) -> None:
    may_accept(ben)
    for order in paid:
        trouble(order)
    asked = choose(client, PAID, "fulfill_orders", select_across="1", _selected_action=ids(paid))
    assert button(asked) == "Fulfill"
    assert 'name="despite_attention" value="1" required' in asked.content.decode()
    client.post(PAID, hidden(asked) | {"despite_attention": "1"})
    assert set(outcomes(work(BulkJob.objects.get())).values()) == {("done", "")}


def test_what_came_to_need_attention_after_the_page_is_not_shipped_silently(
    client: Client, ben: User, paid: list[Order]
) -> None:
    may_accept(ben)
    trouble(paid[1])
    asked = choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))
    trouble(paid[2])
    again = client.post(PAID, hidden(asked) | {"despite_attention": "1"})
    assert "Other orders match now than you had seen." in again.content.decode()
    assert not BulkJob.objects.exists()
    client.post(PAID, hidden(again) | {"despite_attention": "1"})
    trouble(paid[0])  # after the confirmation
    ended = outcomes(work(BulkJob.objects.get()))
    assert [ended[order.number][0] for order in paid] == ["skipped", "done", "done"]


def test_the_permission_must_still_be_there_when_the_job_works(client: Client, ben: User, paid: list[Order]) -> None:
    may_accept(ben)
    trouble(paid[1])
    client.post(
        PAID,
        hidden(choose(client, PAID, "fulfill_orders", _selected_action=ids(paid))) | {"despite_attention": "1"},
    )
    ben.user_permissions.remove(Permission.objects.get(codename="fulfill_attention_order"))
    assert outcomes(work(BulkJob.objects.get()))[paid[1].number][0] == "skipped"
