"""Which act writes which mail to the customer. Call these in the act's own transaction, once it has come about.

What a mail says is read when it is written, so `data` names rows and nothing else.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from billing.models import Payment, Refund
from customers.mail.notify import notifies
from customers.models import Mail
from ecommerce.mails import rows
from ecommerce.models import CustomerRequest, Fulfillment, Order, OrderAct, Return
from ecommerce.models.id_arrays import Among

Kind = Mail.Kind
# Whoever pays on the website sees at once what is wrong, and mostly tries again: the mail is for those who left. Where
# the order no longer waits for its payment by then, no mail is sent.
CUSTOMER_IS_THERE = timedelta(minutes=10)
STAFF_IS_THERE = timedelta(minutes=1)


def order_confirmed(order: Order) -> None:
    """The money is there, or nothing is to be paid."""
    _write(Kind.ORDER_CONFIRMED, order, invoice=order.invoice_id)


def payment_failed(order: Order, payment: Payment) -> None:
    wait = CUSTOMER_IS_THERE if payment.by_customer else STAFF_IS_THERE
    rows.write(Kind.PAYMENT_FAILED, [(order.pk, {"payment": payment.pk})], wait=wait)


def authentication_required(order: Order, payment: Payment) -> None:
    wait = CUSTOMER_IS_THERE if payment.by_customer else timedelta(0)
    rows.write(Kind.AUTHENTICATION_REQUIRED, [(order.pk, {"payment": payment.pk})], wait=wait)


def payment_link(order: Order) -> None:
    """Staff send the customer the link, which the worker makes, or finds, when it writes the mail."""
    _write(Kind.PAYMENT_LINK, order)


def shipped(parcels: Iterable[Fulfillment]) -> None:
    """Write one for each parcel: each carries its own number."""
    rows.write(Kind.SHIPPED, [(parcel.order_id, {"fulfillment": parcel.pk}) for parcel in parcels])


def shipped_together(order_ids: Collection[int], *, at: datetime) -> None:
    """Write those of the parcels that a statement has just sent, one each of these orders at this very moment."""
    if notifies():
        parcels = Fulfillment.objects.filter(Among(order_ids, key="order"), at=at, voided_at=None)
        shipped(parcels.only("order_id").order_by("pk"))


def tracking_corrected(parcel: Fulfillment) -> None:
    rows.write(Kind.TRACKING_CORRECTED, [(parcel.order_id, {"fulfillment": parcel.pk})])


def canceled_unpaid(order: Order) -> None:
    _write(Kind.CANCELED, order)


def act_completed(act: OrderAct) -> None:
    """A cancellation, a return or a refund: one mail, which says what was refunded by it."""
    acts_completed([act])


def acts_completed(acts: Sequence[OrderAct]) -> None:
    """Write the mails of acts that a batch of results has completed."""
    for kind in (Kind.CANCELED, Kind.RETURNED, Kind.REFUNDED):
        for mass in (False, True):
            told = [act for act in acts if act.notify and _kind(act) == kind and act.of_jobs_only == mass]
            rows.write(kind, [(act.order_id, _data(act)) for act in told], mass=mass)


def refunded(order: Order, refund: Refund) -> None:
    """A refund that no act of ours requested: automatic, or made in Stripe's dashboard."""
    _write(Kind.REFUNDED, order, refund=refund.pk)


def returned_without_refund(order_return: Return) -> None:
    _write(Kind.RETURNED, order_return.order, **{"return": order_return.pk})


def return_approved(order_return: Return) -> None:
    """Tell the customer to send the goods, and with which number."""
    _write(Kind.RETURN_APPROVED, order_return.order, **{"return": order_return.pk})


def return_declined(order_return: Return) -> None:
    """Tell the customer why nothing is taken back."""
    _write(Kind.RETURN_DECLINED, order_return.order, **{"return": order_return.pk})


def cancellation_declined(request: CustomerRequest) -> None:
    """Tell the customer why the order stays."""
    _write(Kind.CANCELLATION_DECLINED, request.order, request=request.pk)


def withdrawal_received(request: CustomerRequest, *, items: Sequence[str], sentences: Sequence[str]) -> None:
    """Acknowledge a withdrawal on a durable medium, as the law wants it: what, and when it arrived."""
    _write(Kind.WITHDRAWAL, request.order, request=request.pk, items=items, sentences=sentences)


def _write(kind: Mail.Kind, order: Order, **data: Any) -> None:
    rows.write(kind, [(order.pk, data)])


def _kind(act: OrderAct) -> Mail.Kind:
    match act.kind:
        case OrderAct.Kind.CANCEL | OrderAct.Kind.CANCEL_ITEMS:
            return Kind.CANCELED
        case OrderAct.Kind.RETURN:
            return Kind.RETURNED
        case _:
            return Kind.REFUNDED


def _data(act: OrderAct) -> dict[str, Any]:
    return {"act": act.pk, "refund": act.refund_id}
