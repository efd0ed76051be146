"""Stock and coupon of an order: reserved from the request of its payment until it is declined or canceled."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import F, Sum

from backoffice.activity.origin import silent
from ecommerce.models import Coupon, Order, OrderItem, Sku
from ecommerce.orders.quotes import check_redemptions, check_stock


def lock_skus(sku_ids: Sequence[int]) -> dict[int, Sku]:
    """Lock SKUs in the order of their primary keys; return them by id, with their products."""
    return {sku.pk: sku for sku in Sku.objects.locked().select_related("product").filter(pk__in=sku_ids)}


def lock_for_orders(order_ids: Sequence[int]) -> None:
    """Lock the SKUs and coupons of orders that the caller has locked, each table by primary key."""
    items = OrderItem.objects.filter(order__in=order_ids)
    list(Sku.objects.locked().filter(pk__in=items.values("sku")))
    list(Coupon.objects.locked().filter(order__in=order_ids))


def reserve(order: Order, quantities: Mapping[int, int], skus: Mapping[int, Sku], *, at: datetime) -> None:
    """Take quantities by SKU id from SKUs that the caller has locked, and redeem the coupon; raise OrderError."""
    for sku_id, quantity in quantities.items():
        check_stock(skus[sku_id], quantity)
        _change_stock(skus[sku_id], -quantity)
    if order.coupon_id:
        # Checked again on the locked row: two orders may have found the last redemption free.
        check_redemptions(Coupon.objects.locked().get(pk=order.coupon_id))
        _change_redemptions(order.coupon_id, 1)
    order.held_at = at


def reserve_again(order: Order, *, at: datetime) -> None:
    """Reserve what the order released when its payment was declined; raise OrderError."""
    if order.held_at is None:
        quantities = quantities_of(order)
        reserve(order, quantities, lock_skus(list(quantities)), at=at)


def release(order: Order) -> None:
    """Return the order's stock and coupon; a second call returns nothing."""
    # Null after a decline, so that the cancellation that follows does not return them again.
    if order.held_at is not None:
        put_back(quantities_of(order))
        if order.coupon_id:
            list(Coupon.objects.locked().filter(pk=order.coupon_id))
            _change_redemptions(order.coupon_id, -1)
        order.held_at = None


def put_back(quantities: Mapping[int, int]) -> None:
    """Add quantities by SKU id back to the stock of those that are counted."""
    for sku_id, sku in lock_skus(list(quantities)).items():
        _change_stock(sku, quantities[sku_id])


def quantities_of(order: Order) -> dict[int, int]:
    """Return by SKU id how many of an order's items are not canceled."""
    of_skus = OrderItem.objects.filter(order=order, canceled__lt=F("quantity")).exclude(sku=None).order_by("sku_id")
    stand = of_skus.values("sku_id").annotate(stand=Sum(F("quantity") - F("canceled")))
    return dict(stand.values_list("sku_id", "stand"))


def _change_stock(sku: Sku, change: int) -> None:
    # Relative, with a check constraint against less than zero, whatever was read before.
    if sku.finite:
        with silent():  # the order's history has it
            Sku.objects.filter(pk=sku.pk).update(inventory_quantity=F("inventory_quantity") + change)


def _change_redemptions(coupon_id: int, change: int) -> None:
    with silent():
        Coupon.objects.filter(pk=coupon_id).update(times_redeemed=F("times_redeemed") + change)
