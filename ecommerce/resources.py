"""Files of products and of SKUs. Prices are decimals in the currency's unit: 45.00, 4500 (JPY), 4.500 (KWD)."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.widgets import Widget

from billing.money import parse_amount, plain, supported
from customers.resources import FileResource
from ecommerce.models import OrderItem, Product, Sku


class ProductResource(FileResource):
    """Products: one with an id is changed, one without is new."""

    numbers = ("id",)

    class Meta(FileResource.Meta):
        model = Product
        fields = ("id", "name", "description", "image", "shippable", "active")
        import_id_fields = ("id",)
        name = _("Products")

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Product | None:
        """Find the product of this id; an id that nothing has is a mistake, not a new product."""
        if not row.get("id"):
            return None
        found: Product | None = super().get_instance(instance_loader, row)
        if found is None:
            raise ValueError(gettext("There is no product %(id)s; leave the id empty for a new one.") % row)
        return found


class PriceWidget(Widget):  # type: ignore[misc]
    """A price, read with the currency beside it."""

    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> int:
        """Read the amount into the minor unit."""
        return parse_amount(str(value or ""), _currency_of(row or {}))


class CurrencyWidget(Widget):  # type: ignore[misc]
    """A currency's code, in any case."""

    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> str:
        """Read the code."""
        return _currency_of(row or {})


def _currency_of(row: dict[str, Any]) -> str:
    code = str(row.get("currency") or "").lower()
    if code not in dict(supported()):
        raise ValueError(gettext("Name the currency beside the price, for example USD."))
    return code


class ProductWidget(Widget):  # type: ignore[misc]
    """The product of a SKU, by name."""

    def clean(self, value: Any, row: dict[str, Any] | None = None, **options: Any) -> Product:
        """Find the one product of this name."""
        called = Product.objects.filter(name=value)
        found = list(called.filter(skus__code=(row or {}).get("code"))) or list(called[:2])
        if not found:
            raise ValueError(gettext("No product is called “%(name)s”; import it first.") % {"name": value})
        if len(found) > 1:
            sentence = gettext("Several products are called “%(name)s”; give them names of their own first.")
            raise ValueError(sentence % {"name": value})
        return found[0]

    def render(self, value: Any, obj: Any = None, **options: Any) -> str:
        """Write the name."""
        return value.name if value else ""


class SkuResource(FileResource):
    """SKUs, found by their code."""

    numbers = ("price", "inventory_quantity")
    product = Field(attribute="product", column_name="product", widget=ProductWidget())
    currency = Field(attribute="currency", column_name="currency", widget=CurrencyWidget())
    price = Field(attribute="price", column_name="price", widget=PriceWidget())

    class Meta(FileResource.Meta):
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
        """Write the price in the currency's unit."""
        return plain(sku.price, sku.currency) if sku.currency else ""

    def dehydrate_currency(self, sku: Sku) -> str:
        """Write the code as it is shown."""
        return sku.currency.upper()

    def import_instance(self, instance: Sku, row: dict[str, Any], **options: Any) -> None:
        """Keep the currency of what was ordered."""
        before = instance.currency
        super().import_instance(instance, row, **options)
        if instance.pk and instance.currency != before and OrderItem.objects.filter(sku=instance.pk).exists():
            raise ValueError(gettext("%(code)s was ordered in %(currency)s; make another SKU for another currency.")
                % {"code": instance.code, "currency": before.upper()})  # fmt: skip
