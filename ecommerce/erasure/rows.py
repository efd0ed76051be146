"""The person's own rows: what stays is made anonymous, the rest is deleted."""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from backoffice.activity import record as activity
from billing.models import (
    Card,
    CardAttempt,
    CustomerUpdate,
    Difference,
    Invoice,
    InvoiceLine,
    Payment,
    Refund,
    WebhookEvent,
)
from customers.actors import ActorKind
from customers.emails import email_key
from customers.models import Address, Customer, Mail, User
from customers.sessions import SessionStore
from ecommerce.erasure.words import ERASED, Scrubber, Words
from ecommerce.models import (
    BulkJobItem,
    CustomerRequest,
    Fulfillment,
    Order,
    OrderAct,
    OrderEvent,
    OrderItem,
    PaymentLink,
    Return,
    TrackingFileRow,
    WebhookDelivery,
)

BATCH = 500
TEXTS_OF_ORDER = ("attention", "discount_reason", "summary", "hold_reason")


def allow_changed_history() -> None:
    """Until the end of the transaction, the trigger that keeps history lets words be taken out of it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL pelcro.erasing = 'on'; SET LOCAL activity.erasing = 'on'")


def erase_rows(customer: Customer, words: Words) -> None:
    user_id = customer.user_id
    if user_id:
        SessionStore.delete_of_user(user_id)
    orders = Order.objects.filter(customer=customer).order_by("pk")
    after = 0
    while batch := list(orders.filter(pk__gt=after).values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            _erase_orders(batch, words)
        after = batch[-1]
    with transaction.atomic():
        _erase_customer(customer, words)


def _erase_orders(ids: list[int], words: Words) -> None:
    allow_changed_history()
    scrubber = Scrubber([*words.emails, *words.names, *words.parts])
    # By number, since an order does not name its void invoices any more.
    numbers = list(Order.objects.filter(pk__in=ids).values_list("number", flat=True))
    for order in Order.objects.locked().filter(pk__in=ids):
        kept = _country_alone(order.shipping_address)
        # The summary repeats the text of custom lines.
        said = {name: scrubber.text(getattr(order, name)) for name in TEXTS_OF_ORDER}
        Order.objects.filter(pk=order.pk).update(
            shipping_address=kept, address=None, placement_key=None, **_fitting(order, said)
        )
    theirs = Q(order__in=ids)
    # A line without a SKU was worded for this order.
    _scrub(OrderItem.objects.filter(theirs, sku_code=""), scrubber, "description")
    _scrub(InvoiceLine.objects.filter(invoice__reference__in=numbers, sku_code=""), scrubber, "description")
    _forget_former_addresses(ids)
    _scrub(OrderEvent.objects.filter(theirs), scrubber, "data", "by_label")
    PaymentLink.objects.filter(theirs).delete()
    _scrub(OrderAct.objects.filter(theirs), scrubber, "reason", "message", "by_label")
    parcels = Fulfillment.objects.filter(theirs)
    _scrub(parcels, scrubber, "carrier", "tracking_number", "void_reason", "voided_by", "by_label")
    _scrub(BulkJobItem.objects.filter(theirs), scrubber, "reason")
    # A carrier's file names the recipients.
    TrackingFileRow.objects.filter(theirs).update(cells=[], detail="")
    _empty_deliveries(f"order-{each}" for each in ids)
    _scrub(Return.objects.filter(theirs), scrubber, "reason", "note", "answer", "by_label")
    _scrub(CustomerRequest.objects.filter(theirs), scrubber, "reason", "note", "answer", "obstacle", "by_label")
    for invoice in Invoice.objects.locked().filter(reference__in=numbers):
        _forget_bill_to(invoice, scrubber)
    _scrub(Payment.objects.filter(invoice__reference__in=numbers), scrubber, "failure_message", "attention")
    refunds = Refund.objects.filter(payment__invoice__reference__in=numbers)
    _scrub(refunds, scrubber, "failure_message", "attention", "reason", "note", "by_label")
    differences = Difference.objects.filter(payment__invoice__reference__in=numbers)
    _scrub(differences, scrubber, "sentence", "note")
    # Who did it, where they did it themselves: their name, however it was written then.
    for model in (OrderEvent, OrderAct, Return, CustomerRequest):
        model.objects.filter(theirs, by_kind=ActorKind.CUSTOMER).exclude(by_label=ERASED).update(by_label=ERASED)
    Refund.objects.filter(payment__invoice__reference__in=numbers, by_kind=ActorKind.CUSTOMER).update(by_label=ERASED)


def _empty_deliveries(streams: Iterable[str]) -> None:
    """Have webhooks that are still to be sent, or sent again, tell what is left."""
    theirs = WebhookDelivery.objects.filter(stream__in=list(streams)).order_by("pk").select_for_update(no_key=True)
    keys = list(theirs.values_list("pk", flat=True))
    WebhookDelivery.objects.filter(pk__in=keys).update(payload="", response_body="")


def _forget_former_addresses(ids: list[int]) -> None:
    for event in OrderEvent.objects.filter(order__in=ids, kind=OrderEvent.Kind.ADDRESS_CHANGED):
        kept = {name: _country_alone(event.data.get(name)) for name in ("old", "new")}
        OrderEvent.objects.filter(pk=event.pk).update(data={**event.data, **kept})


def _country_alone(address: dict[str, str] | None) -> dict[str, str] | None:
    return address and {name: value if name == "country" else "" for name, value in address.items()}


def _forget_bill_to(invoice: Invoice, scrubber: Scrubber) -> None:
    # The country stays: the tax of the invoice follows from it.
    kept = {name: value if name == "country" else "" for name, value in invoice.bill_to.items()}
    Invoice.objects.filter(pk=invoice.pk).update(
        bill_to=kept,
        ship_to=_country_alone(invoice.ship_to),
        discount_reason=scrubber.text(invoice.discount_reason)[:200],
    )


def _scrub(rows: QuerySet[Any], scrubber: Scrubber, *fields: str) -> None:
    for row in rows.only("pk", *fields):
        write_scrubbed(row, scrubber, fields)


def write_scrubbed(row: Model, scrubber: Scrubber, fields: Iterable[str]) -> None:
    old = {name: getattr(row, name) for name in fields}
    new = {name: scrubber.value(value) for name, value in old.items()}
    if changed := {name: value for name, value in new.items() if value != old[name]}:
        type(row)._base_manager.filter(pk=row.pk).update(**_fitting(row, changed))  # noqa: SLF001 - Django's public name


def _fitting(row: Model, changed: dict[str, Any]) -> dict[str, Any]:
    """Cut off what has become longer than its column: the mark may be longer than the word."""
    lengths = {name: getattr(row._meta.get_field(name), "max_length", None) for name in changed}  # noqa: SLF001 - public
    return {
        name: value[: lengths[name]] if isinstance(value, str) and lengths[name] else value
        for name, value in changed.items()
    }


def _erase_customer(customer: Customer, words: Words) -> None:
    keys = [email_key(each) for each in words.emails]
    about = Q(about_type=ContentType.objects.get_for_model(Customer), about_id=customer.pk)
    orders = Order.objects.filter(customer=customer)
    about |= Q(about_type=ContentType.objects.get_for_model(Order), about_id__in=orders.values("pk"))
    about |= Q(data__example_of__in=list(orders.values_list("pk", flat=True)))  # staff tried a text on them
    Mail.objects.filter(about | Q(recipient_key__in=keys)).delete()
    Address.objects.filter(customer=customer).delete()
    Card.objects.filter(customer=customer, payment=None).delete()
    Card.objects.filter(customer=customer).update(fingerprint="", is_default=False, removed_at=customer.erased_at)
    # Those of orders once more: one that was sent since they were emptied told of the customer, who is erased now.
    _empty_deliveries([f"customer-{customer.pk}", *(f"order-{pk}" for pk in orders.values_list("pk", flat=True))])
    CustomerUpdate.objects.filter(customer=customer).delete()
    CardAttempt.objects.filter(customer=customer).delete()
    _delete_log(Customer, [customer.pk])
    Customer.objects.filter(pk=customer.pk).update(
        email=f"erased-{customer.pk}@erased.invalid", first_name="", last_name="", phone="", user=None,
        tax_id="", tax_id_checked_by="", tax_id_checked_at=None, tax_exempt=False, tax_exempt_reason="",
        stripe_customer_id=None, profile_by_staff=False,
    )  # fmt: skip
    EmailAddress.objects.filter(email__in=[each.lower() for each in words.emails]).delete()
    users = User.objects.filter(pk=customer.user_id or 0, is_staff=False)
    _delete_log(User, list(users.values_list("pk", flat=True)))
    # An account that was made for a link and never used has the e-mail, too.
    unclaimed = User.objects.filter(email_key__in=keys, is_staff=False, customer=None)
    for user in {*users, *unclaimed}:
        user.delete()


def erase_activity(customer: Customer, words: Words) -> None:
    """Take the person out of Activity: values and labels of what was theirs, and all that holds an e-mail of theirs."""
    users = [User(pk=each) for each in words.user_ids]
    addresses = [Address(pk=each) for each in words.address_ids]
    activity.erase(objects=[customer, *users, *addresses], user_ids=words.user_ids, words=words.emails)


def _delete_log(model: type[Model], ids: list[int]) -> None:
    content_type = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=content_type, object_id__in=[str(each) for each in ids]).delete()


def empty_events(stripe_customer_id: str, words: Words) -> None:
    """Empty what Stripe's events said of the person, once they are processed."""
    names = [each for each in (stripe_customer_id, *words.emails) if each]
    after = 0
    done = WebhookEvent.objects.filter(next_attempt_at=None).exclude(payload={}).order_by("pk")
    while batch := list(done.filter(pk__gt=after)[:BATCH]):
        theirs = [each.pk for each in batch if any(name.lower() in str(each.payload).lower() for name in names)]
        WebhookEvent.objects.filter(pk__in=theirs).update(payload={})
        after = batch[-1].pk
