"""Responses that carry an order: read with its relations, as a body or with the status of its payment or refund."""

from typing import TypeVar

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from billing.declines import for_customer
from billing.models import CreditNote, Payment
from ecommerce.api.errors import status_of
from ecommerce.api.schemas.errors import Error
from ecommerce.api.schemas.orders import (
    OrderListResponse,
    OrderResponse,
    StaffOrderListResponse,
    StaffOrderResponse,
    last_payment,
    payment_status,
)
from ecommerce.models import Fulfillment, FulfillmentItem, Order, OrderItem, OrderNote, Return, ReturnItem, Tag, TaxLine

AnyOrderResponse = OrderResponse | StaffOrderResponse
ResponseT = TypeVar("ResponseT", bound=AnyOrderResponse | OrderListResponse | StaffOrderListResponse)


def _relations() -> "tuple[Prefetch[str], ...]":
    rows = ReturnItem.objects.order_by("item", "pk")
    return (
        Prefetch("fulfillments", Fulfillment.objects.filter(voided_at=None).order_by("pk")),
        Prefetch("fulfillments__items", FulfillmentItem.objects.order_by("item")),
        Prefetch("items", OrderItem.objects.order_by("pk")),
        Prefetch("tax_lines", TaxLine.objects.order_by("pk")),
        Prefetch("returns", Return.objects.order_by("pk").prefetch_related(Prefetch("items", rows))),
        Prefetch("invoice__credit_notes", CreditNote.objects.filter(voided_at=None).order_by("pk")),
        Prefetch("invoice__payments", Payment.objects.select_related("card").order_by("pk")),
    )


def with_response_relations(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Fetch all that a response shows of orders, in nine queries however many they are."""
    return orders.select_related("customer", "coupon", "invoice").prefetch_related(*_relations())


def with_organized_relations(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Fetch the tags and the assignee beside that, in one query more."""
    return with_response_relations(orders).select_related("assignee").prefetch_related(_tags())


def _tags() -> "Prefetch[str]":
    return Prefetch("tags", Tag.objects.order_by("name"))


def _staff_relations() -> "tuple[Prefetch[str], ...]":
    return (_tags(), Prefetch("notes", OrderNote.objects.order_by("pk")))


def with_staff_relations(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Fetch what staff programs see beside that, in two queries more."""
    return with_response_relations(orders).select_related("assignee").prefetch_related(*_staff_relations())


def reload_for_response(order: Order) -> Order:
    return with_response_relations(Order.objects.all()).get(pk=order.pk)


def order_response(order: Order) -> OrderResponse:
    """The order must have been read by `with_response_relations`."""
    return OrderResponse.model_validate({"data": {"order": order}})


def staff_order_response(order: Order) -> StaffOrderResponse:
    """Read the order anew, with all that staff programs see."""
    order = with_staff_relations(Order.objects.all()).get(pk=order.pk)
    return StaffOrderResponse.model_validate({"data": {"order": order}})


def without_client_secret(response: ResponseT) -> ResponseT:
    """Withhold the secrets that pay, from those who may not charge a card."""
    orders = response.data if isinstance(response.data, list) else [response.data.order]
    for each in orders:
        each.client_secret = None
    return response


def payment_response(order: Order, *, staff: bool = False) -> HttpResponse:
    """Return the order after an attempt to pay it: 200 paid, 202 still processing, 402 declined or to authenticate.

    The order was read after the attempt, with its customer and invoice.
    """
    prefetch_related_objects([order], *_relations(), *(_staff_relations() if staff else ()))
    schema = StaffOrderResponse if staff else OrderResponse
    shown = schema.model_validate({"data": {"order": order}})
    status, payment = payment_status(order), last_payment(order)
    if status == "failed" and payment:
        decline_code, message = for_customer(
            payment.decline_code or payment.failure_code, payment.failure_message or _("The card was declined.")
        )
        return _payment_required(
            shown, Error(code="card_declined", message=message, field="", decline_code=decline_code)
        )
    if status == "requires_action" and payment:
        message = _("The customer has to authenticate: hand client_secret to Stripe.js, then confirm.")
        secret = payment.client_secret
        return _payment_required(
            shown, Error(code="authentication_required", message=message, field="", client_secret=secret)
        )
    return _order_json(shown, processing=status == "processing")


def refund_response(order: Order) -> HttpResponse:
    """Return a canceled or returned order: 202 while Stripe has not confirmed its refund."""
    order = reload_for_response(order)
    body = without_client_secret(staff_order_response(order)).model_dump(mode="json")
    return JsonResponse(body, status=202 if order.money_state == Order.MoneyState.REFUND_IN_PROGRESS else 200)


def _payment_required(shown: AnyOrderResponse, error: Error) -> HttpResponse:
    body = {"error": error.model_dump(exclude_none=True), **shown.model_dump(mode="json")}
    return JsonResponse(body, status=status_of(error.code))


def _order_json(shown: AnyOrderResponse, *, processing: bool) -> HttpResponse:
    return JsonResponse(shown.model_dump(mode="json"), status=202 if processing else 200)
