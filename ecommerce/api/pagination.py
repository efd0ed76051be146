"""Pages of orders by key: the last page costs what the first does."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ecommerce.api.errors import ApiError
from ecommerce.api.schemas.order_requests import PageRequest
from ecommerce.api.schemas.orders import OrderListResponse, StaffOrderListResponse
from ecommerce.api.serializers import with_response_relations, with_staff_relations
from ecommerce.models import Order


def order_page(orders: QuerySet[Order], page: PageRequest) -> OrderListResponse:
    return OrderListResponse.model_validate(_page(with_response_relations(orders), page))


def staff_order_page(orders: QuerySet[Order], page: PageRequest) -> StaffOrderListResponse:
    return StaffOrderListResponse.model_validate(_page(with_staff_relations(orders), page))


def _page(orders: QuerySet[Order], page: PageRequest) -> dict[str, Any]:
    if page.starting_after:
        orders = orders.filter(pk__lt=_order_id(orders, page.starting_after))
    # One row more than the page tells whether there is a next page.
    rows = list(orders.order_by("-pk")[: page.limit + 1])
    has_more, rows = len(rows) > page.limit, rows[: page.limit]
    return {"data": rows, "meta": {"has_more": has_more, "next": rows[-1].number if has_more else None}}


def _order_id(orders: QuerySet[Order], number: str) -> int:
    order_id = orders.filter(number=number).values_list("pk", flat=True).first()
    if order_id is None:
        sentence = _("There is no order %(number)s to start after.") % {"number": number}
        raise ApiError("malformed", sentence, field="starting_after")
    return order_id
