"""A person is erased: searched for afterwards in every table, file and log."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from backoffice.activity.origin import silent
from billing import gateway
from billing.models import Invoice, InvoiceLine, StripeRemoval
from billing.removals import execute_removal
from billing.webhooks import views
from billing.webhooks.payload import id_in, without_person
from customers.models import Customer, Mail, User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.erasure import everywhere, rows
from ecommerce.erasure import run as erasing
from ecommerce.erasure.request import CanNotErase, request_erasure
from ecommerce.erasure.words import collect
from ecommerce.models import BulkJob, Erasure, FileImport, Order, OrderEvent, Product, WebhookDelivery
from ecommerce.orders.errors import OrderError
from ecommerce.tasks import sweep
from tests.ecommerce.erasure import person as known
from tests.ecommerce.erasure.person import EMAIL, Person, found_in_files, found_in_tables, make_person
from tests.faults.crashing import crashes
from tests.support.api_client import PASSWORD, SDK, Api
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import ANA, make_address, make_customer, make_sku, place_order
from tests.support.services import SERVICES

pytestmark = pytest.mark.django_db(transaction=True)
FIRST_EMAIL = "first.of.all@elsewhere.example"


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Path) -> None:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = settings.STORAGES | {"import_export": place, "exports": place, "default": place}


@pytest.fixture
def outbox() -> Iterator[None]:
    with override_settings(EMAIL_BACKEND="customers.mail.backend.OutboxBackend"):
        yield


@pytest.fixture
def person(outbox: None, roles: None) -> Person:
    return make_person(a_clerk())


def request(person: Person) -> Erasure:
    customer = Customer.objects.get(pk=person.customer.pk)
    return request_erasure(customer=customer, by=ANA, at=timezone.now())


def work() -> None:
    """Do what the workers do until nothing of it is left."""
    for removal in StripeRemoval.objects.filter(next_attempt_at__isnull=False):
        execute_removal(removal_id=removal.pk)
    for erasure in Erasure.objects.filter(finished_at=None):
        Erasure.objects.filter(pk=erasure.pk).update(next_attempt_at=timezone.now())
        erasing.execute_erasure(erasure_id=erasure.pk)


def test_nothing_of_a_person_is_left_in_any_table_file_or_log(
    person: Person, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    logs = pytestconfig.stash[SERVICES].folder / "log"
    # The words are there before, so that the search is no empty proof.
    tables = {each.partition(":")[0] for each in found_in_tables()}
    assert {
        "customers_customer", "customers_user", "customers_address", "customers_mail", "account_emailaddress",
        "django_admin_log", "billing_invoice", "billing_refund", "billing_payment", "billing_webhookevent",
        "billing_difference", "ecommerce_order", "ecommerce_orderact", "ecommerce_orderevent", "ecommerce_orderwords",
        "ecommerce_bulkjob", "ecommerce_fileimport", "session", "ecommerce_orderitem", "billing_invoiceline",
        "ecommerce_ordernote", "ecommerce_noteattachment",
    } <= tables  # fmt: skip
    assert len(found_in_files()) == 3
    stripe_id = person.customer.stripe_customer_id or ""
    before = list(Invoice.objects.order_by("pk").values_list("number", "total", "amount_refunded", "issued_at"))

    request(person)
    work()

    erasure = Erasure.objects.get()
    assert (erasure.error, erasure.words, erasure.finished_at is not None) == ("", {}, True)
    assert found_in_tables() == []
    assert found_in_files(logs) == []
    assert not known.names(caplog.text)
    assert gateway.retrieve_customer(stripe_id) == ("", "")
    # What stays: every order, invoice and event, with amounts, times and country.
    assert list(Invoice.objects.order_by("pk").values_list("number", "total", "amount_refunded", "issued_at")) == before
    order = Order.objects.order_by("pk")[1]
    assert order.shipping_address is not None
    assert (order.shipping_address["country"], order.shipping_address["line1"]) == ("GB", "")
    assert order.invoice is not None
    assert order.invoice.bill_to["country"] == "GB"
    assert OrderEvent.objects.filter(order=order).count() > 3
    assert str(Customer.objects.get()) == f"Erased customer {person.customer.pk}"
    assert BulkJob.objects.get().file == ""
    assert FileImport.objects.get().status == "failed"
    assert not User.objects.filter(is_staff=False).exists()


def test_what_webhooks_told_of_orders_before_the_customer_was_erased_goes_too(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_orders = rows._erase_orders

    def erase_and_send(ids: list[int], words: Any) -> None:
        erase_orders(ids, words)
        WebhookDelivery.objects.filter(stream=f"order-{ids[0]}").update(payload=f"an order of {EMAIL}")

    monkeypatch.setattr(rows, "_erase_orders", erase_and_send)
    request(person)
    work()
    assert found_in_tables() == []


def test_what_is_taken_out_of_the_catalogue_is_not_kept_as_its_old_value(person: Person) -> None:
    with silent():
        Product.objects.update(description=f"Made for {EMAIL}.")
    request(person)
    work()
    assert set(Product.objects.values_list("description", flat=True)) == {"Made for [erased]."}
    assert found_in_tables() == []


def test_the_account_is_shut_at_once_and_the_e_mail_may_sign_up_anew(person: Person) -> None:
    request(person)
    assert person.api.get(f"{SDK}/customer").status == 401
    assert Api().post(f"{SDK}/auth/login", {"email": EMAIL, "password": PASSWORD}).status == 401
    work()
    answer = Api().post(f"{SDK}/auth/register", {"email": EMAIL, "password": PASSWORD})
    assert answer.status == 200
    assert answer.data["id"] != person.customer.pk
    assert Api(answer.data["auth_token"]).get(f"{SDK}/ecommerce/orders").body["data"] == []


def test_mails_about_their_orders_go_with_them_whoever_got_them(person: Person) -> None:
    order, to_staff = person.orders[0], {"language": "en", "recipient": "staff@shop.example", "text": known.FIRST}
    Mail.objects.create(kind="other", message_id="<1>", data={"example_of": order.pk}, **to_staff)
    Mail.objects.create(kind="mention", message_id="<2>", about=order, **to_staff)
    # From before the e-mail was changed twice: no mail about the customer tells of it.
    Mail.objects.create(kind="shipped", message_id="<3>", about=order, language="en", recipient=FIRST_EMAIL)
    BulkJob.objects.update(selection={"q": FIRST_EMAIL, "by": "staff@shop.example"})
    request(person)
    work()
    assert not Mail.objects.filter(message_id__in=["<1>", "<2>", "<3>"]).exists()
    assert BulkJob.objects.get().selection == {"q": "[erased]", "by": "staff@shop.example"}


def test_an_earlier_e_mail_that_is_anothers_by_now_stays_theirs(person: Person) -> None:
    other = make_customer(known.OLD_EMAIL.upper())
    mail = Mail.objects.create(kind="other", message_id="<1>", language="en", recipient=known.OLD_EMAIL, about=other)
    request(person)
    work()
    other.refresh_from_db()
    assert other.email.lower() == known.OLD_EMAIL
    assert Mail.objects.filter(pk=mail.pk).exists()


def test_others_keep_what_they_share_with_the_person(person: Person) -> None:
    # Another of that name, in the same house, with the same telephone.
    other = make_customer("other@else.example", first_name=known.FIRST, last_name=known.LAST, phone=known.PHONE)
    address = make_address(other, **known.ADDRESS)
    order = place_order(customer=other, address_id=address.pk)
    Mail.objects.create(recipient="other@else.example", kind="other", language="en", message_id="<1>", text=known.FIRST)
    request(person)
    work()

    for each in (other, order, address):
        each.refresh_from_db()
    assert (other.name, other.phone, other.erased_at) == (f"{known.FIRST} {known.LAST}", known.PHONE, None)
    assert order.shipping_address is not None
    assert order.shipping_address["line1"] == known.STREET == address.line1
    assert order.invoice is not None
    assert order.invoice.bill_to["name"] == other.name
    assert Mail.objects.get(kind="other").text == known.FIRST


def open_payment(person: Person, fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    place_order(customer=person.customer, sku=make_sku("EBOOK"))


def running_job(person: Person, _fake_stripe: FakeStripeServer) -> None:
    a_job("fulfill", person.orders, person.staff)


def of_staff(person: Person, _fake_stripe: FakeStripeServer) -> None:
    User.objects.filter(customer=person.customer).update(is_staff=True)


def running_import(person: Person, _fake_stripe: FakeStripeServer) -> None:
    FileImport.objects.update(status="applying")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (open_payment, "waits for Stripe (payment)"),
        (running_job, "is working on an order of this customer"),
        (of_staff, "is a member of staff"),
        (running_import, "An import of customers is running."),
    ],
)
def test_what_must_end_first_is_said_and_nothing_happened(
    person: Person, fake_stripe: FakeStripeServer, prepare: Callable[..., None], says: str
) -> None:
    prepare(person, fake_stripe)
    with pytest.raises(CanNotErase, match=r".*" + says.replace("(", r"\(").replace(")", r"\)")):
        request(person)
    assert Customer.objects.get().erased_at is None
    assert not Erasure.objects.exists()
    assert not StripeRemoval.objects.exists()


def test_what_begins_after_the_request_is_waited_for(person: Person) -> None:
    request(person)
    job = a_job("export", person.orders, person.staff)
    work()
    assert f"Bulk job {job.pk} is working" in Erasure.objects.get().error
    BulkJob.objects.filter(pk=job.pk).update(status="stopped")
    work()
    assert Erasure.objects.get().finished_at is not None
    assert found_in_tables() == []


def test_stripe_away_is_waited_for(person: Person, fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "DELETE /v1/customers", "fault": "status", "status": 503})
    request(person)
    work()
    assert "Stripe has not deleted the customer yet" in Erasure.objects.get().error
    fake_stripe.clear()
    StripeRemoval.objects.update(next_attempt_at=timezone.now())
    work()
    assert Erasure.objects.get().finished_at is not None


def test_asked_twice_it_is_one_erasure_and_the_customer_orders_nothing_any_more(person: Person) -> None:
    assert request(person) == request(person)
    with pytest.raises(OrderError, match="Choose an existing customer"):
        place_order(customer=person.customer)
    work()
    with pytest.raises(OrderError, match="Choose an existing customer"):
        place_order(customer=person.customer)


def test_the_sweep_finds_an_erasure_that_lost_its_message(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    request(person)
    woken: list[Any] = []
    monkeypatch.setattr("ecommerce.tasks.enqueue_on_commit", lambda task, **_ids: woken.append(task.name))
    sweep()
    assert "ecommerce.erase_customer" in woken
    assert not StripeRemoval.objects.filter(next_attempt_at__isnull=False).exists()


@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.full) for first in (3, 7, 11))])
def test_a_crash_at_any_step_costs_only_time(person: Person, first: int) -> None:
    request(person)
    steps = 0
    for number in crashes(work, stride=37, first=first):
        steps = number
    assert steps > 37
    assert Erasure.objects.get().finished_at is not None
    assert found_in_tables() == []
    assert found_in_files() == []


def test_keys_that_a_restore_skipped_are_not_walked_through(person: Person) -> None:
    entry = LogEntry(pk=2_000_000_000, user=User.objects.create_user("clerk"), action_flag=2, object_repr=EMAIL)
    entry.save()
    steps: list[None] = []
    everywhere.scrub_everywhere(collect(person.customer), beat=lambda: steps.append(None))
    entry.refresh_from_db()
    assert entry.object_repr == "[erased]"
    assert len(steps) < 200


def test_history_still_refuses_any_other_change(person: Person) -> None:
    event = OrderEvent.objects.first()
    assert event is not None

    def change(setting: str, sql: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL pelcro.erasing = '{setting}'")
            cursor.execute(sql, [event.pk])

    for setting, sql in (
        ("off", "UPDATE ecommerce_orderevent SET by_label = 'x' WHERE id = %s"),
        ("on", "UPDATE ecommerce_orderevent SET kind = 'paid', at = now() WHERE id = %s"),
        ("on", "DELETE FROM ecommerce_orderevent WHERE id = %s"),
    ):
        with pytest.raises(DatabaseError, match="is history"):
            change(setting, sql)


def test_an_erasure_changes_words_of_invoices_and_no_amount(person: Person) -> None:
    line = InvoiceLine.objects.first()
    assert line is not None

    def change(setting: str, **values: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL pelcro.erasing = '{setting}'")
            InvoiceLine.objects.filter(pk=line.pk).update(**values)

    change("on", description="[erased]")
    for setting, values in (("off", {"description": "x"}), ("on", {"unit_price": 0, "amount": 0, "description": "x"})):
        with pytest.raises(DatabaseError, match="is history"):
            change(setting, **values)
    line.refresh_from_db()
    assert (line.description, line.amount > 0) == ("[erased]", True)


def test_what_stripe_says_later_of_a_deleted_customer_is_stored_without_the_person(person: Person) -> None:
    stripe_id = person.customer.stripe_customer_id
    request(person)
    deleted = {"id": stripe_id, "object": "customer", "email": EMAIL, "name": known.FIRST}
    details = {"name": known.LAST, "email": EMAIL}
    charge = {
        "id": "ch_9",
        "object": "charge",
        "customer": stripe_id,
        "payment_intent": "pi_9",
        "billing_details": details,
    }
    objects: list[dict[str, Any]] = [deleted, charge]
    for number, stated in enumerate(objects):
        event = {"id": f"evt_late_{number}", "type": "customer.deleted", "data": {"object": stated}}
        assert views.is_about_erased(event)
        assert not known.names(str(without_person(event)))
        assert id_in(without_person(event), "id") == stated["id"]
    assert not views.is_about_erased({"data": {"object": {"id": "cus_other", "customer": "cus_else"}}})
