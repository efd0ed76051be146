"""Stock and coupon, held by an order from the moment it begins to be paid until it is declined or canceled."""

from datetime import datetime

from django.db.models import F

from ecommerce.models import Coupon, Order, OrderItem, Sku
from ecommerce.orders.quotes import check_redemptions, check_stock


def lock_skus(sku_ids: list[int]) -> dict[int, Sku]:
    """Lock SKUs in the order of their keys."""
    return {sku.pk: sku for sku in Sku.objects.locked().select_related("product").filter(pk__in=sku_ids)}


def lock_all(order_ids: list[int]) -> None:
    """Lock the SKUs and coupons of many orders, whose locks the caller holds, each in the order of their keys."""
    items = OrderItem.objects.filter(order__in=order_ids)
    list(Sku.objects.locked().filter(pk__in=items.values("sku")))
    list(Coupon.objects.locked().filter(order__in=order_ids))


def take(order: Order, wanted: dict[int, int], skus: dict[int, Sku], *, at: datetime) -> None:
    """Take stock, from SKUs that the caller locked, and redeem the coupon; raise OrderRefused."""
    for sku_id, quantity in wanted.items():
        check_stock(skus[sku_id], quantity)
        _move_stock(skus[sku_id], -quantity)
    if order.coupon_id:
        coupon = Coupon.objects.locked().get(pk=order.coupon_id)
        check_redemptions(coupon)
        Coupon.objects.filter(pk=coupon.pk).update(times_redeemed=F("times_redeemed") + 1)
    order.held_at = at


def take_again(order: Order, *, at: datetime) -> None:
    """Take what a declined order had given back; raise OrderRefused."""
    if order.held_at is None:
        wanted = quantities(order)
        take(order, wanted, lock_skus(list(wanted)), at=at)


def release(order: Order) -> None:
    """Give stock and coupon back."""
    if order.held_at is not None:
        restock(order)
        if order.coupon_id:
            list(Coupon.objects.locked().filter(pk=order.coupon_id))
            Coupon.objects.filter(pk=order.coupon_id).update(times_redeemed=F("times_redeemed") - 1)
        order.held_at = None


def restock(order: Order) -> None:
    """Put an order's finite items back in stock."""
    wanted = quantities(order)
    for sku_id, sku in lock_skus(list(wanted)).items():
        _move_stock(sku, wanted[sku_id])


def quantities(order: Order) -> dict[int, int]:
    """Give how many of each SKU an order has."""
    return dict(OrderItem.objects.filter(order=order).order_by("sku_id").values_list("sku_id", "quantity"))


def _move_stock(sku: Sku, change: int) -> None:
    if sku.finite:
        Sku.objects.filter(pk=sku.pk).update(inventory_quantity=F("inventory_quantity") + change)
