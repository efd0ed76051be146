"""What each type of event says, for people who choose among them."""

from django.utils.translation import gettext_lazy

WORDS = {
    "order.created": gettext_lazy("An order was placed."),
    "order.payment.succeeded": gettext_lazy("An order is paid."),
    "order.payment.failed": gettext_lazy("A payment failed."),
    "order.fulfilled": gettext_lazy("All of an order was sent."),
    "order.partially_fulfilled": gettext_lazy("Some of an order was sent."),
    "order.canceled": gettext_lazy("An order was canceled."),
    "order.returned": gettext_lazy("All of an order came back."),
    "order.updated": gettext_lazy("Something else of an order changed: address, tracking, items, tags, hold."),
    "charge.refunded": gettext_lazy("A refund was accepted."),
    "refund.failed": gettext_lazy("A refund failed, perhaps days after it was accepted."),
    "dispute.created": gettext_lazy("A customer disputes a charge at the bank."),
    "dispute.closed": gettext_lazy("A dispute was won or lost."),
    "return.requested": gettext_lazy("A return was asked for, or opened by staff."),
    "return.closed": gettext_lazy("A return was closed, declined or canceled."),
    "customer.created": gettext_lazy("A customer is new."),
    "customer.updated": gettext_lazy("Name, e-mail, phone, tax id or addresses of a customer changed."),
    "customer.deleted": gettext_lazy("A customer was deleted or erased."),
    "stock.low": gettext_lazy("The stock of a SKU became low."),
}
