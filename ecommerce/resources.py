"""The columns of CSV files of products and SKUs, imported and exported.

Amounts are decimals in the currency's unit: 45.00, 4500 (JPY), 4.500 (KWD).
"""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.widgets import Widget

from backoffice.resources import CsvResource
from billing.money import parse_amount, plain, supported
from ecommerce.models import OrderItem, Product, Sku


class ProductResource(CsvResource):
    numbers = ("id",)

    class Meta(CsvResource.Meta):
        model = Product
        fields = ("id", "name", "description", "image", "shippable", "active")
        import_id_fields = ("id",)
        name = _("Products")

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Product | None:
        if not row.get("id"):
            return None
        found: Product | None = super().get_instance(instance_loader, row)
        if found is None:
            raise ValueError(gettext("There is no product %(id)s; leave the id empty for a new one.") % row)
        return found


class PriceWidget(Widget):  # type: ignore[misc]
    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> int:
        return parse_amount(str(value or ""), _currency_of(row or {}))


class CurrencyWidget(Widget):  # type: ignore[misc]
    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> str:
        return _currency_of(row or {})


def _currency_of(row: dict[str, Any]) -> str:
    code = str(row.get("currency") or "").lower()
    if code not in dict(supported()):
        raise ValueError(gettext("Name the currency beside the price, for example USD."))
    return code


class ProductWidget(Widget):  # type: ignore[misc]
    """The product of a SKU, found by its name: first the one that this SKU has already."""

    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> Product:
        of_name = Product.objects.filter(name=value)
        found = list(of_name.filter(skus__code=(row or {}).get("code"))) or list(of_name[:2])
        if not found:
            raise ValueError(gettext("No product is called “%(name)s”; import it first.") % {"name": value})
        if len(found) > 1:
            sentence = gettext("Several products are called “%(name)s”; give them names of their own first.")
            raise ValueError(sentence % {"name": value})
        return found[0]

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        return value.name if value else ""


class SkuResource(CsvResource):
    numbers = ("price", "inventory_quantity")
    product = Field(attribute="product", column_name="product", widget=ProductWidget())
    currency = Field(attribute="currency", column_name="currency", widget=CurrencyWidget())
    price = Field(attribute="price", column_name="price", widget=PriceWidget())

    class Meta(CsvResource.Meta):
        model = Sku
        fields = (
            "code",
            "product",
            "name",
            "currency",
            "price",
            "inventory_type",
            "inventory_quantity",
            "image",
            "active",
        )
        import_id_fields = ("code",)
        name = _("SKUs")

    def dehydrate_price(self, sku: Sku) -> str:
        return plain(sku.price, sku.currency) if sku.currency else ""

    def dehydrate_currency(self, sku: Sku) -> str:
        return sku.currency.upper()

    def import_instance(self, instance: Sku, row: dict[str, Any], **options: Any) -> None:
        before = instance.currency  # kept for good once it was ordered
        super().import_instance(instance, row, **options)
        if instance.pk and instance.currency != before and OrderItem.objects.filter(sku=instance.pk).exists():
            raise ValueError(gettext("%(code)s was ordered in %(currency)s; make another SKU for another currency.")
                % {"code": instance.code, "currency": before.upper()})  # fmt: skip
