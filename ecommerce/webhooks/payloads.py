"""What a webhook event tells of its object: the object as the API shows it, as it is when the event is first sent.

Nothing of a card leaves but its brand and last four digits, no `client_secret`, and no note of staff. Of a customer who
was deleted or erased only the id is left.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch
from pydantic import BaseModel

from billing.models import Payment
from billing.models import Refund as RefundRow
from customers.models import Address
from customers.models import Customer as CustomerRow
from ecommerce.api.serializers import with_organized_relations
from ecommerce.models import Order as OrderRow
from ecommerce.models import Return as ReturnRow
from ecommerce.models import ReturnItem, ShopSettings
from ecommerce.models import Sku as SkuRow
from ecommerce.webhooks.schemas import Customer, DeletedCustomer, Dispute, Order, Refund, Return, Sku


class ObjectGone(LookupError):
    """Nothing is left of the object that an event is about."""


class _Joined:
    """A row with what its schema reads beside its own attributes."""

    def __init__(self, row: Any, **others: Any) -> None:
        self._row, self._others = row, others

    def __getattr__(self, name: str) -> Any:
        return self._others[name] if name in self._others else getattr(self._row, name)


def object_of(object_type: str, object_id: int) -> dict[str, Any]:
    """Return what `data.object` of an event is; raise ObjectGone if there is nothing left to tell."""
    return OBJECTS[object_type](object_id)


def _json(schema: type[BaseModel], row: Any) -> dict[str, Any]:
    return schema.model_validate(row).model_dump(mode="json")


def _order_row(**key: Any) -> OrderRow:
    order = with_organized_relations(OrderRow.objects.filter(**key)).first()
    if order is None:
        raise ObjectGone(f"order {key}")
    return order


def _order(order_id: int) -> dict[str, Any]:
    return _json(Order, _order_row(pk=order_id))


def _refund(refund_id: int) -> dict[str, Any]:
    refund = RefundRow.objects.select_related("credit_note", "payment__invoice").filter(pk=refund_id).first()
    if refund is None:
        raise ObjectGone(f"refund {refund_id}")
    # A void invoice is not its order's any more, but names it.
    order = _order_row(number=refund.payment.invoice.reference)
    note = getattr(refund, "credit_note", None)
    return _json(Refund, _Joined(refund, order=order, credit_note=note and note.number))


def _dispute(payment_id: int) -> dict[str, Any]:
    payment = Payment.objects.select_related("invoice").filter(pk=payment_id).first()
    if payment is None:
        raise ObjectGone(f"payment {payment_id}")
    return _json(Dispute, _Joined(payment, order=_order_row(number=payment.invoice.reference)))


def _return(return_id: int) -> dict[str, Any]:
    items = Prefetch("items", ReturnItem.objects.select_related("item").order_by("item", "pk"))
    found = ReturnRow.objects.prefetch_related(items).filter(pk=return_id).first()
    if found is None:
        raise ObjectGone(f"return {return_id}")
    return _json(Return, _Joined(found, order=_order_row(pk=found.order_id)))


def _customer(customer_id: int) -> dict[str, Any]:
    addresses = Prefetch("addresses", Address.objects.order_by("-is_default", "pk"))
    customer = CustomerRow.objects.prefetch_related(addresses).filter(pk=customer_id, erased_at=None).first()
    if customer is None:
        return DeletedCustomer(id=customer_id).model_dump(mode="json")
    return _json(Customer, _Joined(customer, addresses=list(customer.addresses.all())))


def _sku(sku_id: int) -> dict[str, Any]:
    sku = SkuRow.objects.filter(pk=sku_id).first()
    if sku is None:
        raise ObjectGone(f"SKU {sku_id}")
    return _json(Sku, _Joined(sku, low_stock_at=sku.low_stock_threshold(ShopSettings.objects.get())))


OBJECTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "order": _order,
    "refund": _refund,
    "dispute": _dispute,
    "return": _return,
    "customer": _customer,
    "sku": _sku,
}
