"""A person of whom every table, file and log knows something, under words that stand nowhere else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from billing import customer_updates
from billing.models import CustomerUpdate, Difference, Invoice, InvoiceLine, Payment, WebhookEvent
from customers.actors import Actor
from customers.change_email import change_email
from customers.models import Customer, FrozenAddress, User
from ecommerce import imports
from ecommerce.models import BulkJob, FileImport, Order, OrderItem, WebhookDelivery, WebhookEndpoint
from ecommerce.notes import NewFile, add_note
from ecommerce.orders.address import correct_address
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import execute_act
from ecommerce.orders.hold import hold
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.selectors import open_act
from tests.support.api_client import PASSWORD, SDK, Api, basket, sign_in
from tests.support.bulk_jobs import run
from tests.support.factories import ANA, make_sku
from tests.support.mailbox import deliver

FIRST, LAST, PHONE = "Zephyrine", "Quillfeather", "+44 7700 900917"
EMAIL, OLD_EMAIL = "zephyrine.new@quill.example", "zephyrine@quill.example"
STREET, CITY, CODE = "17 Gossamer Lane", "Wexcombe", "ZQ9 7XK"
WORDS = (FIRST, LAST, "zephyrine", "quill.example", "900917", "Gossamer", CITY, "ZQ9")
ADDRESS = {"name": f"{FIRST} {LAST}", "line1": STREET, "city": CITY, "postal_code": CODE, "country": "GB"}


@dataclass
class Person:
    customer: Customer
    api: Api
    orders: list[Order]
    staff: User


def make_person(staff: User) -> Person:
    account = {"email": OLD_EMAIL, "password": PASSWORD, "first_name": FIRST, "last_name": LAST, "phone": PHONE}
    WebhookEndpoint.objects.create(url="https://erp.example.com/hooks")
    assert Api().post(f"{SDK}/auth/register", account).status == 200
    customer = Customer.objects.get()
    api = sign_in(OLD_EMAIL)
    sku = make_sku(shippable=True, stock=50)
    api.post(f"{SDK}/customer/sources", {"token": "tok_visa", "is_default": True})
    address = api.post(f"{SDK}/customer/addresses", {"type": "shipping", **ADDRESS}).data["addresses"][0]["id"]
    card = customer.cards.get().pk
    numbers = [
        api.order({**basket(sku), "source_id": card, "address_id": address}, idempotency_key=f"{FIRST}-{n}").order[
            "number"
        ]
        for n in range(3)
    ]
    orders = list(Order.objects.filter(number__in=numbers).order_by("pk"))
    person = Person(customer, api, orders, staff)
    _staff_acts(person)
    _agreed(person)
    _files(person)
    _stripe(person)
    _webhooks()
    change_email(customer=customer, email=EMAIL, by=Actor.staff(staff), at=timezone.now())
    customer_updates.execute_update(update_id=CustomerUpdate.objects.get().pk)
    deliver()
    sign_in(EMAIL, PASSWORD)
    customer.refresh_from_db()
    return person


def _staff_acts(person: Person) -> None:
    first, second, third = person.orders
    for begun in (
        cancel(order_id=first.pk, reason=f"{FIRST} called: wrong size", by=ANA, at=timezone.now()),
        refund(order_id=second.pk, reason=f"to {LAST}", request=RefundRequest(amount=100), by=ANA, at=timezone.now()),
    ):
        act = open_act(begun)
        if act:
            execute_act(act=act, at=timezone.now())
    Order.objects.filter(pk=second.pk).update(attention=f"Call {FIRST} at {PHONE}.")
    _organized(third)
    for model, pk in ((Customer, person.customer.pk), (Order, second.pk)):
        LogEntry.objects.create(
            user=person.staff, content_type=ContentType.objects.get_for_model(model), object_id=str(pk),
            object_repr=f"{FIRST} {LAST} <{OLD_EMAIL}>"[:200], action_flag=CHANGE, change_message=f"Phone {PHONE}",
        )  # fmt: skip


def _organized(order: Order) -> None:
    words = f"{FIRST} of {STREET}"
    file = SimpleUploadedFile("passport.txt", words.encode())
    files = [NewFile(name=f"{LAST}.txt", size=file.size or 0, content=file)]
    add_note(order_id=order.pk, text=words, files=files, by=ANA, at=timezone.now())
    address = FrozenAddress(**ADDRESS, line2="", state="")  # type: ignore[typeddict-item]
    for line1 in ("16 Gossamer Lane", STREET):
        moved = address | {"line1": line1}
        correct_address(order_id=order.pk, address=moved, reason=f"{FIRST} moved", by=ANA, at=timezone.now())
    hold(order_id=order.pk, reason=f"{FIRST} is away", by=ANA, at=timezone.now())


def _agreed(person: Person) -> None:
    """A custom line and a discount that name them, on an order whose first invoice is void."""
    order = person.orders[2]
    assert order.invoice
    words: dict[str, Any] = {"description": f"Engraving “{FIRST} {LAST}”", "unit_price": 0, "quantity": 1, "amount": 0}
    OrderItem.objects.create(order=order, **words)
    InvoiceLine.objects.create(invoice=order.invoice, **words)
    reason = f"{FIRST} lives in {CITY}"
    Order.objects.filter(pk=order.pk).update(
        discount_reason=reason, summary=f"1 x Mug, 1 x {words['description']}"[:400]
    )
    Invoice.objects.filter(pk=order.invoice.pk).update(discount_reason=reason)
    Invoice.objects.create(
        number="INV-VOID", customer=person.customer, reference=order.number, currency="usd", subtotal=1, total=1,
        bill_to=ADDRESS, status="void", voided_at=timezone.now(),
    )  # fmt: skip


def _files(person: Person) -> None:
    orders = Order.objects.filter(pk__in=[each.pk for each in person.orders])
    job = run("export", orders, person.staff)
    assert job.file
    BulkJob.objects.filter(pk=job.pk).update(selection={"q": OLD_EMAIL, "name": f"{FIRST} {LAST}"})
    rows = f"email,first_name,last_name,phone\n{OLD_EMAIL},{FIRST},Quill-Other,1\n"
    waiting = imports.begin(
        kind="customer", name=f"{FIRST} {LAST}.csv", data=rows.encode(), by=Actor.staff(person.staff), at=timezone.now()
    )
    FileImport.objects.filter(pk=waiting.pk).update(problems=[[2, "email", OLD_EMAIL, f"{OLD_EMAIL} is wrong."]])


def _stripe(person: Person) -> None:
    payment = Payment.objects.filter(invoice__customer=person.customer).first()
    assert payment is not None
    person.customer.refresh_from_db()
    charge = {
        "id": "ch_1", "object": "charge", "customer": person.customer.stripe_customer_id,
        "billing_details": {"name": f"{FIRST} {LAST}", "email": OLD_EMAIL, "phone": PHONE, "address": ADDRESS},
    }  # fmt: skip
    WebhookEvent.objects.create(
        stripe_event_id="evt_theirs", type="charge.succeeded", payload={"data": {"object": charge}},
        processed_at=timezone.now(), next_attempt_at=None, error=f"{OLD_EMAIL} is odd",
    )  # fmt: skip
    Difference.objects.create(
        kind="charge_differs", stripe_id="pi_x", payment=payment, sentence=f"{OLD_EMAIL} paid", note=f"asked {FIRST}"
    )
    Payment.objects.filter(pk=payment.pk).update(failure_message=f"{FIRST} {LAST}'s card")


def _webhooks() -> None:
    """What endpoints were told of them, and what one answered."""
    assert WebhookDelivery.objects.count() > len(WORDS)
    WebhookDelivery.objects.update(payload=f"{FIRST} {LAST}, {STREET}", response_body=f"Welcome, {FIRST}!")


def found_in_tables() -> list[str]:
    """Say in which table and row a word stands: all columns as text, whatever their type."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t WHERE t::text ~* %s", ["|".join(WORDS)])
            found += [f"{table}: {row[:300]}" for (row,) in cursor.fetchall()]
    sessions = [json.dumps(each.get_decoded()) for each in Session.objects.all()]
    return found + [f"session: {each}" for each in sessions if names(each)]


def names(text: str) -> bool:
    return any(word.lower() in text.lower() for word in WORDS)


def found_in_files(*folders: Path) -> list[str]:
    stored = [Path(str(storages[name].location)) for name in ("default", "exports", "import_export")]  # type: ignore[attr-defined]
    files = {each for folder in (*stored, *folders) for each in folder.rglob("*") if each.is_file()}
    return [str(each) for each in files if names(each.read_text(errors="replace")) or names(each.name)]
