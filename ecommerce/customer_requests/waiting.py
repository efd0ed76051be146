"""What customers wait for an answer to."""

from django.db.models import Q, QuerySet

from ecommerce.models import CustomerRequest, Order, Return

Status = Return.Status


def open_returns() -> QuerySet[Return]:
    """Returns that customers asked for, and withdrawals whose money has not gone back."""
    withdrawn = Q(status__in=(Status.APPROVED, Status.RECEIVED), is_withdrawal=True)
    return Return.objects.filter(Q(status=Status.REQUESTED) | withdrawn)


def open_requests() -> QuerySet[CustomerRequest]:
    """Requests that nobody has decided on; an order that was canceled meanwhile needs no answer."""
    undecided = CustomerRequest.objects.filter(status=CustomerRequest.Status.OPEN)
    return undecided.exclude(order__status=Order.Status.CANCELED)
