"""Orders on their way out."""

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from billing.models import Payment
from ecommerce.api import schemas
from ecommerce.api.errors import status_of
from ecommerce.models import Order, OrderItem

Money = Order.MoneyState
OF_MONEY_STATE: dict[str, schemas.PaymentStatus] = {
    Money.PAYMENT_FAILED: "failed",
    Money.PAYMENT_PROCESSING: "processing",
    Money.AUTHENTICATION_REQUIRED: "requires_action",
    Money.REFUND_IN_PROGRESS: "refund_in_progress",
    Money.REFUND_PENDING: "refund_pending",
    Money.REFUND_FAILED: "refund_failed",
    Money.DISPUTED: "disputed",
}


def complete(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Read along all that an answer shows, in four queries however many orders there are."""
    payments = Payment.objects.select_related("card").order_by("pk")
    return orders.select_related("customer", "coupon", "invoice", "fulfillment").prefetch_related(
        Prefetch("items", OrderItem.objects.order_by("pk")), Prefetch("invoice__payments", payments)
    )


def payment_status(order: Order) -> schemas.PaymentStatus:
    """Say how the order's payment stands."""
    if order.money_state:
        return OF_MONEY_STATE[order.money_state]
    if order.paid_at is None:
        return "unpaid"
    if order.status in {Order.Status.CANCELED, Order.Status.RETURNED}:
        return "refunded"
    return "partially_refunded" if order.amount_refunded else "paid"


def last_payment(order: Order) -> Payment | None:
    """Give the payment that was tried last."""
    return next(iter(reversed(order.invoice.payments.all())), None) if order.invoice else None


def shown(order: Order) -> schemas.Order:
    """Show an order that was read by `complete`."""
    status, payment = payment_status(order), last_payment(order)
    fulfillment = getattr(order, "fulfillment", None)
    return schemas.Order.model_construct(
        id=order.pk,
        number=order.number,
        status=order.status,
        payment_status=status,
        payment_error=payment.failure_message if payment and status == "failed" else None,
        client_secret=payment.client_secret if payment and status == "requires_action" else None,
        amount=order.total,
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        taxes=order.tax,
        amount_refunded=order.amount_refunded,
        currency=order.currency,
        coupon_code=order.coupon.code if order.coupon else None,
        created=order.created_at,
        status_transitions=_transitions(order),
        placed_via=order.placed_via,
        customer=_person(order),
        address=schemas.FrozenAddress(**order.shipping_address) if order.shipping_address else None,
        items=[_item(item) for item in order.items.all()],
        invoice=_invoice(order),
        source=schemas.CardMark(brand=payment.card.brand, last4=payment.card.last4)
        if payment and payment.card
        else None,
        fulfillment=schemas.Fulfillment(
            carrier=fulfillment.carrier, tracking_number=fulfillment.tracking_number, at=fulfillment.at
        )
        if fulfillment
        else None,
    )


def _transitions(order: Order) -> schemas.Transitions:
    return schemas.Transitions(
        paid=order.paid_at, fulfilled=order.fulfilled_at, canceled=order.canceled_at, returned=order.returned_at
    )


def _person(order: Order) -> schemas.Person:
    customer = order.customer
    return schemas.Person(
        id=customer.pk, email=customer.email, first_name=customer.first_name, last_name=customer.last_name
    )


def _item(item: OrderItem) -> schemas.Item:
    return schemas.Item(
        id=item.pk,
        product_sku_id=item.sku_id,
        product_sku_name=item.description,
        product_sku_code=item.sku_code,
        quantity=item.quantity,
        unit_price=item.unit_price,
        amount=item.amount,
    )


def _invoice(order: Order) -> schemas.Invoice | None:
    invoice = order.invoice
    if invoice is None:
        return None
    return schemas.Invoice(
        number=invoice.number,
        status=invoice.status,
        amount_paid=invoice.amount_paid,
        amount_refunded=invoice.amount_refunded,
    )


def found(order: Order) -> schemas.OrderResponse:
    """Answer with an order that was read by `complete`."""
    return schemas.OrderResponse(data=schemas.OrderData(order=shown(order)))


def reread(order: Order) -> Order:
    """Read an order again, with all that an answer shows."""
    return complete(Order.objects.all()).get(pk=order.pk)


def after_payment(order: Order) -> HttpResponse:
    """Answer with an order as its payment left it: paid, being confirmed, or not gone through and why."""
    order = reread(order)
    status, payment = payment_status(order), last_payment(order)
    if status == "failed" and payment:
        words = payment.failure_message or _("The card was declined.")
        reason = payment.decline_code or payment.failure_code
        return _not_paid(order, schemas.Error(code="card_declined", message=words, field="", decline_code=reason))
    if status == "requires_action" and payment:
        words = _("The customer has to authenticate: hand client_secret to Stripe.js, then confirm.")
        secret = payment.client_secret
        return _not_paid(
            order, schemas.Error(code="authentication_required", message=words, field="", client_secret=secret)
        )
    return _kept(order, waiting=status == "processing")


def _not_paid(order: Order, error: schemas.Error) -> HttpResponse:
    body = {"error": schemas.plainly(error), "data": found(order).data.model_dump(mode="json")}
    return JsonResponse(body, status=status_of(error.code))


def after_refund(order: Order) -> HttpResponse:
    """Answer with an order that is canceled or returned, or will be once its refund was said yes to."""
    order = reread(order)
    return _kept(order, waiting=order.money_state == Money.REFUND_IN_PROGRESS)


def _kept(order: Order, *, waiting: bool) -> HttpResponse:
    return JsonResponse(found(order).model_dump(mode="json"), status=202 if waiting else 200)
