"""Consumers withdraw from the contract (Directive 2011/83/EU, in two steps as of Directive 2023/2673)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.customer_requests.cancellations import close_request, lock_request, set_attention
from ecommerce.customer_requests.withdrawal_quotes import Items, Means, WithdrawalQuote, quote_withdrawal
from ecommerce.mails import acts as mails
from ecommerce.mails.times import moment
from ecommerce.models import CustomerRequest, Order, OrderEvent, OrderItem
from ecommerce.models.customer_request import refund_deadline
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record
from ecommerce.orders.pay import end_authentication
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.returns import open_return

Kind, Status = CustomerRequest.Kind, CustomerRequest.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A withdrawal that was received, and what it says of itself, the same as the mail."""

    request: CustomerRequest
    quote: WithdrawalQuote
    sentences: Sequence[str]


def read_for_withdrawal(order_id: int, *, lock: bool = False) -> Order:
    """Read an order with what a quote looks at."""
    orders = Order.objects.select_related("invoice", "customer__user")
    orders = orders.locked() if lock else orders
    items = Prefetch("items", OrderItem.objects.order_by("pk"))
    return orders.prefetch_related(items, "fulfillments").get(pk=order_id)


def withdraw(*, order_id: int, items: Items | None, by: Actor, at: datetime) -> Withdrawal:
    """Withdraw from some items of an order, or from all, and acknowledge that by mail; raise OrderError.

    It counts from now on, whatever the order waits for: what can't be carried out at once is left to staff. Refunds are
    to be executed after the commit.
    """
    quote_withdrawal(read_for_withdrawal(order_id), items, at=at)
    end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order = read_for_withdrawal(order_id, lock=True)
        quote = quote_withdrawal(order, items, at=at)
        _check_new(order)
        pairs = [[part.item.pk, part.quantity] for part in quote.parts]
        request = CustomerRequest.objects.create(
            order=order, kind=Kind.WITHDRAWAL, items=pairs, requested_at=at, **by.columns
        )
        record(order, OrderEvent.Kind.WITHDRAWN, by=by, at=at, items=", ".join(part.words for part in quote.parts))
        _carry_out(request, quote, by=by, at=at)
        sentences = _sentences(request, quote)
        mails.withdrawal_received(request, items=[part.words for part in quote.parts], sentences=sentences)
    return Withdrawal(request=request, quote=quote, sentences=sentences)


def carry_out(*, request_id: int, by: Actor, at: datetime) -> Order:
    """Carry out a withdrawal that had to wait, by hand; raise OrderError where it still has to."""
    with transaction.atomic():
        order, request = lock_request(request_id)
        order = read_for_withdrawal(order.pk)
        request.order = order
        quote = quote_withdrawal(order, [(pk, quantity) for pk, quantity in request.items], at=request.requested_at)
        _acts(request, quote, by=by, at=at)
        close_request(request, Status.DONE, answer="", by=by, at=at)
        set_attention(Order.objects.locked().get(pk=order.pk))
    return order


def _check_new(order: Order) -> None:
    """Refuse while an earlier one waits: its items count as withdrawn from."""
    if order.customer_requests.filter(kind=Kind.WITHDRAWAL, status=Status.OPEN).exists():
        sentence = _("Your withdrawal from order %(number)s was received already, and is being carried out.")
        raise OrderError("already_withdrawn", sentence % {"number": order.number})


def _carry_out(request: CustomerRequest, quote: WithdrawalQuote, *, by: Actor, at: datetime) -> None:
    try:
        with transaction.atomic():
            _acts(request, quote, by=by, at=at)
    except OrderError as error:
        request.obstacle = error.message
        request.save()
        set_attention(Order.objects.locked().get(pk=request.order_id))
    else:
        close_request(request, Status.DONE, answer="", by=by, at=at)


def _acts(request: CustomerRequest, quote: WithdrawalQuote, *, by: Actor, at: datetime) -> None:
    order_id, reason = request.order_id, _("Withdrawal from the contract")
    if quote.cancels_all:
        request_cancel(Order.objects.locked().select_related("invoice").get(pk=order_id), reason=reason, by=by, at=at)
        return
    if back := quote.by(Means.RETURN):
        request.order_return = open_return(
            order_id=order_id, items=back, reason=reason, approved=True, is_withdrawal=True, by=by, at=at
        )
    if unsent := quote.by(Means.CANCEL):
        cancel_items(order_id=order_id, items=unsent, reason=reason, by=by, at=at)
    if digital := quote.by(Means.REFUND):
        refund(order_id=order_id, request=RefundRequest(lines=digital), reason=reason, by=by, at=at)


def _sentences(request: CustomerRequest, quote: WithdrawalQuote) -> list[str]:
    """Say what happens now."""
    if request.is_open:
        return [
            _("We carry it out as soon as your last payment or refund is settled, and refund you by %s.") % _by(request)
        ]
    said = []
    if quote.by(Means.CANCEL) or quote.by(Means.REFUND):
        said.append(_("What was not sent is canceled, and what you paid for it goes back to the card you paid with."))
    if request.order_return:
        sentence = _(
            "Send back what you have received within 14 days, and write %(number)s on the parcel. We refund you by "
            "%(day)s, though not before it has arrived."
        )
        said.append(sentence % {"number": request.order_return.number, "day": _by(request)})
    return said


def _by(request: CustomerRequest) -> str:
    return moment(request.order.customer, refund_deadline(request.requested_at))[:10]


def acknowledgement(request: CustomerRequest) -> str:
    """Say that a withdrawal was received, and when."""
    sentence = _("We received your withdrawal from order %(number)s on %(when)s. A mail that says so is on its way.")
    when = moment(request.order.customer, request.requested_at)
    return sentence % {"number": request.order.number, "when": when}
