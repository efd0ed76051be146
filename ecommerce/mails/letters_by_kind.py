"""What each kind of mail says: read from the rows as they are when it is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from billing.declines import for_customer
from billing.models import Document, Payment, Refund
from customers.mail.text_templates import Names
from customers.mail.writers import NotNeededError
from customers.models import Mail
from ecommerce.mails import facts, files
from ecommerce.mails.letters import Button, Letter, Link, Listing, Panel, Row, Section, Table
from ecommerce.mails.parts import Parts
from ecommerce.mails.times import moment
from ecommerce.models import CustomerRequest, Fulfillment, FulfillmentItem, Order, OrderAct, Return
from ecommerce.shipping.carriers import tracking_url

Kind = Mail.Kind
Data = Mapping[str, Any]


def order_confirmed(order: Order, _data: Data, parts: Parts) -> Letter:
    attached = parts.of_invoice(order.invoice)
    number = order.invoice.number if order.invoice else ""
    return Letter(
        names={**facts.names(order), "invoice_number": number},
        sections=[facts.bought(order), *facts.goes_to(order), *facts.order_button(order)],
        notes=attached.notes,
        data=attached.data,
    )


def invoice(order: Order, data: Data, _parts: Parts) -> Letter:
    document = Document.objects.select_related("invoice", "credit_note").get(pk=data["document"])
    attached = files.of_document(document)
    names = {"document_number": document.of.number}
    return Letter(names={**facts.names(order), **names}, sections=facts.order_button(order), data=attached.data)


def payment_failed(order: Order, data: Data, parts: Parts) -> Letter:
    payment = _payment(order, data, Payment.Status.FAILED, parts)
    code = payment.decline_code or payment.failure_code
    names = {
        "amount": facts.money(payment.amount, payment.currency),
        "reason": for_customer(code, payment.failure_message)[1] if payment.decline_code else "",
    }
    return _to_pay(order, parts, names, _("Pay %(total)s") % {"total": facts.money(order.total, order.currency)})


def authentication_required(order: Order, data: Data, parts: Parts) -> Letter:
    payment = _payment(order, data, Payment.Status.REQUIRES_ACTION, parts)
    return _to_pay(order, parts, {"amount": facts.money(payment.amount, payment.currency)}, _("Confirm the payment"))


def payment_link(order: Order, _data: Data, parts: Parts) -> Letter:
    return _to_pay(order, parts, {}, _("Pay %(total)s") % {"total": facts.money(order.total, order.currency)})


def _payment(order: Order, data: Data, status: Payment.Status, parts: Parts) -> Payment:
    """Return the payment that the mail is about; raise NotNeededError once the order waits for another, or for none."""
    payment = Payment.objects.get(pk=data["payment"])
    last = Payment.objects.filter(invoice=order.invoice_id).order_by("pk").last()
    waits = order.status == Order.Status.CREATED and payment.status == status and payment == last
    if not (waits or parts.is_example):
        raise NotNeededError
    return payment


def _to_pay(order: Order, parts: Parts, names: dict[str, str], label: str) -> Letter:
    return Letter(
        names={**facts.names(order), **names},
        sections=[Button(label=label, url=parts.link_to_pay(order)), facts.bought(order)],
    )


def shipped(order: Order, data: Data, parts: Parts) -> Letter:
    parcel = _parcel(data, parts)
    left = [facts.in_units(item, item.left_to_send) for item in order.items.all() if item.left_to_send]
    content = [facts.in_units(each.item, each.quantity) for each in parcel.items.all()]
    return Letter(
        names={
            **facts.names(order),
            "carrier": parcel.carrier,
            "tracking_number": parcel.tracking_number,
            "parcel_items": tuple(content),
            "items_left": tuple(left),
        },
        sections=[
            *_tracking(parcel),
            *facts.listing(_("In this parcel"), content),
            *facts.goes_to(order),
            *facts.listing(_("Still to come"), left),
            *facts.order_button(order),
        ],
    )


def tracking_corrected(order: Order, data: Data, parts: Parts) -> Letter:
    letter = shipped(order, data, parts)
    if not letter.names["tracking_number"]:
        raise NotNeededError  # taken away, or none again by now: there is nothing to track it by
    return letter


def _parcel(data: Data, parts: Parts) -> Fulfillment:
    """Return the parcel; raise NotNeededError where it was never sent after all."""
    items = Prefetch("items", FulfillmentItem.objects.select_related("item").order_by("item"))
    parcel = Fulfillment.objects.prefetch_related(items).get(pk=data["fulfillment"])
    if parcel.voided_at and not parts.is_example:
        raise NotNeededError
    return parcel


def _tracking(parcel: Fulfillment) -> list[Section]:
    numbers = [Link(text=each, url=tracking_url(parcel.carrier, each)) for each in parcel.tracking_numbers]
    first = next((each.url for each in numbers if each.url), "")
    sections: list[Section] = []
    if parcel.carrier or numbers:
        title = _("Sent with %(carrier)s") % {"carrier": parcel.carrier} if parcel.carrier else _("Tracking number")
        sections.append(Panel(title=title, links=numbers))
    if first:
        sections.append(Button(label=_("Track the parcel"), url=first))
    return sections


def canceled(order: Order, data: Data, parts: Parts) -> Letter:
    act = _act(data)
    units = dict(act.lines) if act else {}
    items = [facts.in_units(item, units[item.pk]) for item in order.items.all() if item.pk in units]
    asked = CustomerRequest.objects.filter(
        order=order, kind=CustomerRequest.Kind.CANCELLATION, status=CustomerRequest.Status.DONE
    )
    answer = "" if items else asked.order_by("pk").values_list("answer", flat=True).last() or ""
    names: Names = {"canceled_items": tuple(items), "answer": answer}
    listed = facts.listing(_("Canceled"), items or [facts.in_units(each, each.quantity) for each in order.items.all()])
    return _with_refund(order, data, parts, names, listed)


def refunded(order: Order, data: Data, parts: Parts) -> Letter:
    return _with_refund(order, data, parts, {}, [])


def returned(order: Order, data: Data, parts: Parts) -> Letter:
    act = _act(data)
    one = act.order_return if act else Return.objects.get(pk=data["return"])
    number = one.number if one else ""
    came = one.units_received() if one else {}
    items = [facts.in_units(each, came[each.pk]) for each in order.items.all() if each.pk in came]
    names: Names = {"return_number": number, "returned_items": tuple(items)}
    return _with_refund(order, data, parts, names, facts.listing(_("Taken back"), items))


def _act(data: Data) -> OrderAct | None:
    return OrderAct.objects.select_related("order_return").get(pk=data["act"]) if "act" in data else None


def _with_refund(order: Order, data: Data, parts: Parts, names: Names, sections: Sequence[Section]) -> Letter:
    # One that failed gave way to those made in Stripe's dashboard: each of them had a mail of its own.
    accepted = Refund.objects.select_related("credit_note", "payment").exclude(status=Refund.Status.FAILED)
    refund = accepted.filter(pk=data["refund"]).first() if data.get("refund") else None
    attached = parts.of_credit_note(getattr(refund, "credit_note", None))
    return Letter(
        names={
            **facts.names(order),
            **names,
            "refunded": facts.money(refund.amount, refund.currency) if refund and refund.amount else "",
            "refund_note": _refund_note(order, refund),
        },
        sections=[*sections, *_sums(refund), *facts.order_button(order)],
        notes=attached.notes,
        data=attached.data,
    )


def _refund_note(order: Order, refund: Refund | None) -> str:
    if refund is None or not refund.amount:
        return _without_refund(order)
    values = {"amount": facts.money(refund.amount, refund.currency)}
    if refund.settled_outside:
        return _("%(amount)s was refunded to you, not through the card that you paid with.") % values
    sentence = _("%(amount)s goes back to the card that you paid with; your bank shows it within a few days.")
    return sentence % values


def _without_refund(order: Order) -> str:
    if not (order.was_paid and order.total):
        return _("Nothing was charged.")
    if order.amount_refunded:
        values = {"amount": facts.money(order.amount_refunded, order.currency)}
        return _("Nothing more is refunded: %(amount)s was refunded before.") % values
    return _("Nothing is refunded.")


def _sums(refund: Refund | None) -> list[Section]:
    """What the refund is made of, where fees are kept of it."""
    fees = list(refund.fee_rows.order_by("pk")) if refund else []
    if refund is None or not fees:
        return []
    price = Row(label=_("Price with taxes"), amount=facts.money(refund.amount + refund.fees, refund.currency))
    kept = [Row(label=fee.name, amount=facts.money(-fee.amount, refund.currency)) for fee in fees]
    total = Row(label=_("Refunded"), amount=facts.money(refund.amount, refund.currency), is_total=True)
    return [Table(title=_("Refund"), rows=[price, *kept], sums=[total])]


def return_approved(order: Order, data: Data, _parts: Parts) -> Letter:
    return _about_return(order, data, _("To send back"))


def return_declined(order: Order, data: Data, _parts: Parts) -> Letter:
    return _about_return(order, data, _("What you asked to return"))


def _about_return(order: Order, data: Data, title: str) -> Letter:
    one = Return.objects.get(pk=data["return"])
    items = [facts.in_units(row.item, row.quantity) for row in one.items.select_related("item").order_by("pk")]
    names: Names = {"return_number": one.number, "returned_items": tuple(items), "answer": one.answer}
    return Letter(
        names={**facts.names(order), **names},
        sections=[*facts.listing(title, items), *facts.order_button(order)],
    )


def cancellation_declined(order: Order, data: Data, _parts: Parts) -> Letter:
    answer = CustomerRequest.objects.get(pk=data["request"]).answer
    return Letter(names={**facts.names(order), "answer": answer}, sections=facts.order_button(order))


def withdrawal(order: Order, data: Data, _parts: Parts) -> Letter:
    request = CustomerRequest.objects.get(pk=data["request"])
    names: Names = {
        "received_at": moment(order.customer, request.requested_at),
        "withdrawn_items": tuple(data["items"]),
        "next_steps": tuple(data["sentences"]),
    }
    # The law wants the time to be told, whatever staff have made of the text.
    title = _("Withdrawn on %(when)s from") % {"when": names["received_at"]}
    sections: Iterable[Section] = [Listing(title=title, lines=data["items"])]
    return Letter(names={**facts.names(order), **names}, sections=[*sections, *facts.order_button(order)])


LETTERS: dict[str, Callable[[Order, Data, Parts], Letter]] = {
    Kind.ORDER_CONFIRMED: order_confirmed,
    Kind.INVOICE: invoice,
    Kind.PAYMENT_FAILED: payment_failed,
    Kind.AUTHENTICATION_REQUIRED: authentication_required,
    Kind.PAYMENT_LINK: payment_link,
    Kind.SHIPPED: shipped,
    Kind.TRACKING_CORRECTED: tracking_corrected,
    Kind.CANCELED: canceled,
    Kind.REFUNDED: refunded,
    Kind.RETURNED: returned,
    Kind.RETURN_APPROVED: return_approved,
    Kind.RETURN_DECLINED: return_declined,
    Kind.CANCELLATION_DECLINED: cancellation_declined,
    Kind.WITHDRAWAL: withdrawal,
}
