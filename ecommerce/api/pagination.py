"""Pages of orders, by key: the last page costs what the first does."""

from typing import Annotated

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field

from ecommerce.api import schemas
from ecommerce.api.errors import ApiError
from ecommerce.api.serializers import complete, shown
from ecommerce.models import Order


class Paging(BaseModel):
    """Which page."""

    limit: Annotated[int, Field(ge=1, le=100, description="How many orders a page has.")] = 25
    starting_after: Annotated[
        str, Field(max_length=20, description="The number of the last order of the page before.")
    ] = ""


def page(orders: QuerySet[Order], paging: Paging) -> schemas.OrderList:
    """Read one page, and one row past it."""
    if paging.starting_after:
        orders = orders.filter(pk__lt=_key(orders, paging.starting_after))
    rows = list(complete(orders).order_by("-pk")[: paging.limit + 1])
    more, rows = len(rows) > paging.limit, rows[: paging.limit]
    last = rows[-1].number if more else None
    return schemas.OrderList(data=[shown(order) for order in rows], meta=schemas.Page(has_more=more, next=last))


def _key(orders: QuerySet[Order], number: str) -> int:
    known = orders.filter(number=number).values_list("pk", flat=True).first()
    if known is None:
        sentence = _("There is no order %(number)s to start after.") % {"number": number}
        raise ApiError("malformed", sentence, field="starting_after")
    return known
