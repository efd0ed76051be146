"""What customers ask for after they have paid: to cancel, to return, to withdraw from the contract."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from backoffice import database_clock
from backoffice.enqueue import enqueue_on_commit
from customers.actors import Actor, ActorKind
from customers.client_address import counted_address
from customers.emails import email_key
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.orders import own_order
from ecommerce.api.schemas.after_sale import (
    AskedResponse,
    AskForReturnRequest,
    AskToCancelRequest,
    BarredItem,
    ReasonsResponse,
    WithdrawalData,
    WithdrawalResponse,
    WithdrawnItem,
    WithdrawRequest,
)
from ecommerce.api.schemas.after_sale import Withdrawal as WithdrawalSchema
from ecommerce.api.schemas.orders import OrderResponse
from ecommerce.api.security import CustomerTokenAuth, authenticated_customer, customer_actor, guest
from ecommerce.api.serializers import order_response, reload_for_response
from ecommerce.api.throttling import Guest, PerCaller
from ecommerce.customer_requests.cancellations import ask_to_cancel
from ecommerce.customer_requests.returns import ask_for_return
from ecommerce.customer_requests.withdrawal_quotes import WithdrawalQuote, quote_withdrawal
from ecommerce.customer_requests.withdrawals import Withdrawal, acknowledgement, read_for_withdrawal, withdraw
from ecommerce.models import Order, Reason
from ecommerce.models.customer_request import refund_deadline
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act

router = Router(tags=["Orders"])
SIGNED_IN = {"auth": CustomerTokenAuth(), "throttle": PerCaller()}


@router.get("/reasons", response=responses_for(ReasonsResponse))
def list_reasons(request: HttpRequest) -> ReasonsResponse:
    """List the reasons that the shop offers for returns and cancellations. Needs no token."""
    kinds = (Reason.Kind.RETURN, Reason.Kind.CANCEL)
    return ReasonsResponse.model_validate({"data": {kind.value: Reason.objects.texts(kind) for kind in kinds}})


@router.post(
    "/orders/{number}/cancellation",
    response=responses_for(AskedResponse, 404, 422, signed_in=True),
    **SIGNED_IN,  # type: ignore[arg-type]
)
def ask_to_cancel_order(request: HttpRequest, number: str, body: AskToCancelRequest) -> AskedResponse:
    """Ask to cancel an order of which nothing was sent. For a while after ordering, it is canceled at once.

    How long that is, the shop says; afterwards staff decide, and answer by mail. Asked again, nothing changes.
    """
    order = ask_to_cancel(
        order_id=own_order(request, number).pk,
        reason=body.reason,
        note=body.note,
        by=_actor(request),
        at=database_clock.now(),
    )
    act = _enqueue_refund(order)
    canceled = order.status == Order.Status.CANCELED or act
    message = _("Your order is canceled.") if canceled else _("We look at it, and answer by mail.")
    data = order_response(reload_for_response(order)).data
    return AskedResponse.model_validate({"data": {"order": data.order, "canceled": canceled, "message": message}})


@router.post(
    "/orders/{number}/returns",
    response=responses_for(OrderResponse, 404, 422, signed_in=True),
    **SIGNED_IN,  # type: ignore[arg-type]
)
def ask_to_return_items(request: HttpRequest, number: str, body: AskForReturnRequest) -> OrderResponse:
    """Ask to return items that were sent. Staff approve it, and answer by mail with where to send it."""
    order = own_order(request, number)
    ask_for_return(
        order_id=order.pk,
        items=body.pairs,
        reason=body.reason,
        note=body.note,
        by=_actor(request),
        at=database_clock.now(),
    )
    return order_response(reload_for_response(order))


@router.post(
    "/orders/{number}/withdraw",
    response=responses_for(WithdrawalResponse, 404, 409, 422, signed_in=True),
    auth=[CustomerTokenAuth(), guest],
    throttle=PerCaller(),
)
def withdraw_from_order(request: HttpRequest, number: str, body: WithdrawRequest) -> WithdrawalResponse:
    """Withdraw from the contract, in two steps: without `confirm` it answers what would happen, with it it does.

    A consumer's right in the EU, without a reason, until 14 days after the last parcel was delivered. Guests name the
    order's `email` instead of a token. What was not sent is canceled and refunded, the rest has to come back.
    """
    order = _guests_order(number, body) if isinstance(request.auth, Guest) else own_order(request, number)  # type: ignore[attr-defined]
    now = database_clock.now()
    if not body.confirm:
        return _response(quote_withdrawal(read_for_withdrawal(order.pk), body.pairs, at=now))
    done = withdraw(order_id=order.pk, items=body.pairs, by=_actor(request, order), at=now)
    _enqueue_refund(done.request.order)
    return _response(done.quote, done)


def _guests_order(number: str, body: WithdrawRequest) -> Order:
    """Find an order by its number and e-mail; the answer does not tell which of the two is wrong."""
    order = Order.objects.select_related("customer").filter(number=number).first()
    if order is None or body.email is None or email_key(body.email) != order.customer.email_key:
        sentence = _("There is no order %(number)s with this e-mail.") % {"number": number[:20]}
        raise ApiError("unknown_order", sentence, field="email")
    return order


def _actor(request: HttpRequest, order: Order | None = None) -> Actor:
    address = counted_address(request)
    if order is not None and isinstance(request.auth, Guest):  # type: ignore[attr-defined]
        return Actor(kind=ActorKind.CUSTOMER, label=str(order.customer), address=address[:45])
    return customer_actor(authenticated_customer(request), address=address)


def _enqueue_refund(order: Order) -> bool:
    act = open_act(order)
    if act and act.refund_id:
        enqueue_on_commit(execute_act, act_id=act.pk)
    return act is not None


def _response(quote: WithdrawalQuote, done: Withdrawal | None = None) -> WithdrawalResponse:
    request = done.request if done else None
    withdrawal = WithdrawalSchema(
        order=quote.order.number,
        confirmed=done is not None,
        received_at=request.requested_at if request else None,
        open_until=quote.ends_at,
        refund_by=refund_deadline(request.requested_at) if request else None,
        items=[
            WithdrawnItem(id=part.item.pk, name=part.item.description, quantity=part.quantity, means=part.means)
            for part in quote.parts
        ],
        excluded=[
            BarredItem(id=item.pk, name=item.description, why=str(item.get_withdrawal_exception_display()))
            for item in quote.barred
        ],
        return_number=request.order_return.number if request and request.order_return else None,
        message=" ".join([acknowledgement(request), *done.sentences]) if request and done else _what_would_be(quote),
    )
    return WithdrawalResponse(data=WithdrawalData(withdrawal=withdrawal))


def _what_would_be(quote: WithdrawalQuote) -> str:
    parts = ", ".join(part.words for part in quote.parts)
    sentence = _("You withdraw from the contract about: %(items)s. Send the same with confirm to do so.")
    return sentence % {"items": parts}
