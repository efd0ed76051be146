"""Search of returns: the number first, then the order's own search."""

import re
from typing import Any

from django.db.models import Q, QuerySet

from customers.search import clean_text
from ecommerce.admin.orders.search import search
from ecommerce.models import Order, Return

MAX_ORDERS = 200


def typed_return_number(text: str) -> str:
    """Return the number that is meant by "RMA-1042", "rma 1042" or "RMA1042", or nothing."""
    match = re.fullmatch(r"rma[\s_-]*0*([0-9]{1,15})", clean_text(text), re.IGNORECASE)
    return f"RMA-{match[1]}" if match else ""


def exact_return(text: str) -> Return | None:
    number = typed_return_number(text)
    return Return.objects.filter(number=number).first() if number else None


def returns_matching(returns: QuerySet[Any], text: str) -> QuerySet[Any]:
    if number := typed_return_number(text):
        return returns.filter(number=number)
    orders = search(Order.objects.all(), text).orders.order_by("-pk").values_list("pk", flat=True)
    return returns.filter(Q(order__in=list(orders[:MAX_ORDERS])))
