"""The orders in Django's own admin, with django-import-export."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.resources import ModelResource

from benchmarks.stock import acts
from ecommerce.models import Order, OrderItem


class StockResource(ModelResource):  # type: ignore[misc]
    customer_email = Field("customer__email", "customer_email")
    customer_name = Field("customer__name", "customer_name")
    items = Field(column_name="items")
    quantity = Field(column_name="quantity")
    coupon = Field("coupon__code", "coupon")
    invoice_number = Field("invoice__number", "invoice_number")
    stripe_payment_intent_id = Field(column_name="stripe_payment_intent_id")
    address = Field("shipping_address", "address")

    class Meta:
        model = Order
        fields = (
            *("number", "status", "customer_email", "customer_name", "items", "quantity", "currency", "subtotal"),
            *("discount", "shipping", "tax", "total", "amount_refunded", "coupon", "placed_via", "created_at"),
            *("paid_at", "fulfilled_at", "canceled_at", "returned_at", "invoice_number", "stripe_payment_intent_id"),
            "address",
        )

    def get_queryset(self) -> QuerySet[Order]:
        # Without a query for each row.
        rows: QuerySet[Order] = super().get_queryset()
        return rows.select_related("customer", "coupon", "invoice").prefetch_related("items", "invoice__payments")

    def dehydrate_items(self, order: Order) -> str:
        return "; ".join(f"{item.quantity} x {item.sku_code}" for item in order.items.all())

    def dehydrate_quantity(self, order: Order) -> int:
        return sum(item.quantity for item in order.items.all())

    def dehydrate_stripe_payment_intent_id(self, order: Order) -> str:
        payments = order.invoice.payments.all() if order.invoice else []
        return next((each.stripe_payment_intent_id or "" for each in payments if each.status == "succeeded"), "")


class ItemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = OrderItem
    raw_id_fields = ("sku",)
    extra = 0


class StockOrderAdmin(ExportMixin, admin.ModelAdmin):  # type: ignore[misc,type-arg]
    resource_classes = (StockResource,)
    list_display = ("number", "customer", "summary", "total", "currency", "status", "money_state", "created_at")
    list_filter = ("status",)
    list_select_related = ("customer",)
    list_per_page = 100
    ordering = ("-id",)
    search_fields = ("number", "customer__email", "customer__first_name", "customer__last_name", "sku_codes")
    raw_id_fields = ("customer", "coupon", "address")
    readonly_fields = ("number", "status", "invoice", "created_at", "paid_at", "fulfilled_at", "canceled_at")
    inlines = (ItemInline,)
    actions = ("fulfill_orders", "cancel_orders")

    @admin.action(description="Fulfill")
    def fulfill_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._message(request, "fulfilled", acts.fulfill(queryset, request.user))  # type: ignore[arg-type]

    @admin.action(description="Cancel")
    def cancel_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._message(request, "canceled", acts.cancel(queryset, request.user))  # type: ignore[arg-type]

    def _message(self, request: HttpRequest, done: str, count: int) -> None:
        messages.info(request, f"{count} orders were {done}.")


def stock_site() -> Any:
    stock = admin.AdminSite()
    stock.register(Order, StockOrderAdmin)
    return stock
