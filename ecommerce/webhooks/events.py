"""The types of events that endpoints can ask for, and which of them an entry of an order's history is.

The trigger on the history has this mapping in its SQL: a change of it needs a migration, and a test compares both.
"""

from ecommerce.models import OrderEvent

Kind = OrderEvent.Kind

TEST = "webhook.test"
"""Sent to one endpoint by hand; nobody asks for it."""

EVENT_TYPES: dict[str, str] = {
    "order.created": "order",
    "order.payment.succeeded": "order",
    "order.payment.failed": "order",
    "order.fulfilled": "order",
    "order.partially_fulfilled": "order",
    "order.canceled": "order",
    "order.returned": "order",
    "order.updated": "order",
    "charge.refunded": "refund",
    "refund.failed": "refund",
    "dispute.created": "dispute",
    "dispute.closed": "dispute",
    "return.requested": "return",
    "return.closed": "return",
    "customer.created": "customer",
    "customer.updated": "customer",
    "customer.deleted": "customer",
    "stock.low": "sku",
}
"""Each with the type of the object that it tells of."""

TYPE_OF_KIND: dict[Kind, str] = {
    Kind.CREATED: "order.created",
    Kind.PAID: "order.payment.succeeded",
    Kind.PAYMENT_FAILED: "order.payment.failed",
    Kind.FULFILLED: "order.fulfilled",
    Kind.PARTLY_FULFILLED: "order.partially_fulfilled",
    Kind.CANCELED: "order.canceled",
    Kind.RETURNED: "order.returned",
    Kind.REFUNDED: "charge.refunded",
    Kind.REFUND_PENDING: "charge.refunded",
    Kind.SETTLED_OUTSIDE: "charge.refunded",
    Kind.REFUND_FAILED: "refund.failed",
    Kind.DISPUTED: "dispute.created",
    Kind.DISPUTE_WON: "dispute.closed",
    Kind.DISPUTE_LOST: "dispute.closed",
    Kind.RETURN_OPENED: "return.requested",
    Kind.RETURN_CLOSED: "return.closed",
    Kind.RETURN_DECLINED: "return.closed",
    Kind.RETURN_CANCELED: "return.closed",
    **dict.fromkeys(
        (
            Kind.AUTHENTICATION_REQUIRED,
            Kind.PRICE_CHANGED,
            Kind.FULFILLMENT_UNDONE,
            Kind.TRACKING_CHANGED,
            Kind.DELIVERED,
            Kind.ITEMS_CANCELED,
            Kind.CANCELLATION_ASKED,
            Kind.CANCELLATION_DECLINED,
            Kind.WITHDRAWN,
            Kind.RETURN_APPROVED,
            Kind.RETURN_RECEIVED,
            Kind.REFUND_SUCCEEDED,
            Kind.ADDRESS_CHANGED,
            Kind.TAGS_CHANGED,
            Kind.HELD,
            Kind.RELEASED,
            Kind.ASSIGNED,
        ),
        "order.updated",
    ),
}
UNTOLD = frozenset(
    {
        # Requests, whose result is an event of its own, and what is written beside such a result.
        Kind.PAYMENT_REQUESTED,
        Kind.PAYMENT_ADOPTED,
        Kind.CANCEL_REQUESTED,
        Kind.ITEMS_CANCEL_REQUESTED,
        Kind.RETURN_REQUESTED,
        Kind.REFUND_REQUESTED,
        Kind.AUTO_REFUND,
        Kind.REQUEST_STOPPED,
        Kind.SENT_AGAIN,
        # Staff's own.
        Kind.NOTE_ADDED,
        Kind.MESSAGE_WRITTEN,
        Kind.PAYMENT_LINK_CREATED,
        Kind.PAYMENT_LINK_REVOKED,
    }
)
"""A kind is here or above: a test goes through all of them."""
