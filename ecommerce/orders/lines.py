"""The lines that somebody wants to order: SKUs, and custom lines that are none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from ecommerce.models import Sku
from ecommerce.orders.errors import OrderError
from ecommerce.pricing.order import MAX_QUANTITY, Discount


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomLine:
    """A line that is no SKU: its text, and the price of one in the minor unit."""

    description: str
    unit_price: int
    currency: str
    tax_category: str = "standard"
    shippable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """A SKU, or a custom line, how many of it are requested, and a discount on it given by hand."""

    quantity: int
    sku_id: int | None = None
    custom: CustomLine | None = None
    discount: Discount | None = None


def merge_lines(items: Sequence[LineRequest]) -> list[LineRequest]:
    """Add up the quantities of equal lines, in the order in which they were first named; raise OrderError.

    A line with an amount off stays one of its own: of two, each has that amount off.
    """
    quantities: dict[tuple[LineRequest, int], int] = {}
    for place, item in enumerate(items):
        if item.quantity < 1:
            sentence = _("A quantity is a whole number from 1 to %(most)s.") % {"most": MAX_QUANTITY}
            raise OrderError("invalid_quantity", sentence, field="items")
        has_amount_off = item.discount is not None and item.discount.amount_off is not None
        same = replace(item, quantity=0), place if has_amount_off else -1
        quantities[same] = quantities.get(same, 0) + item.quantity
    return [replace(line, quantity=quantity) for (line, _place), quantity in quantities.items()]


def sku_quantities(lines: Sequence[LineRequest]) -> dict[int, int]:
    """Return how many of each SKU are requested, by its id; custom lines have none."""
    quantities = Counter[int]()
    for line in lines:
        if line.sku_id is not None:
            quantities[line.sku_id] += line.quantity
    return dict(quantities)


def any_shipped(lines: Sequence[LineRequest], skus: Mapping[int, Sku]) -> bool:
    """Whether any of the lines is shipped; SKUs that do not exist are not."""
    return any(
        line.custom.shippable if line.custom else (sku := skus.get(line.sku_id or 0)) and sku.product.shippable
        for line in lines
    )
