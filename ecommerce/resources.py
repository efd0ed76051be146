"""Files of products, SKUs and orders. Amounts are decimals in the currency's unit: 45.00, 4500 (JPY), 4.500 (KWD)."""

from typing import Any

import tablib
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

from billing.money import currency, parse_amount, plain, supported
from customers.resources import FileResource
from ecommerce.models import Order, OrderItem, Product, Sku


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


# What makes a spreadsheet run a cell, also behind spaces and in the full-width forms of East Asian keyboards.
RISKY = "=+-@\t\r\n＝＋－＠"
RISKY_SQL = ", ".join(f"U&'\\{ord(sign):04x}'" for sign in RISKY)

# Currencies have their own number of decimals: multiplied by its unit, an amount is a decimal with just as many.
BY_EXPONENT = {
    exponent: ", ".join(f"'{code}'" for code, _shown in supported() if currency(code).exponent == exponent)
    for exponent in (0, 3)
}
UNIT = (
    f"CASE WHEN o.currency IN ({BY_EXPONENT[0]}) THEN 1 WHEN o.currency IN ({BY_EXPONENT[3]}) THEN 0.001 ELSE 0.01 END"
)

# The items are summed up for all orders at once: one by one takes twice as long.
ORDERS = f"""
FROM ecommerce_order o
CROSS JOIN LATERAL (SELECT {UNIT} AS unit) u
JOIN customers_customer c ON c.id = o.customer_id
LEFT JOIN ecommerce_coupon k ON k.id = o.coupon_id
LEFT JOIN billing_invoice i ON i.id = o.invoice_id
LEFT JOIN billing_payment p ON p.invoice_id = o.invoice_id AND p.status <> 'failed'
LEFT JOIN (
    SELECT order_id, string_agg(quantity || ' x ' || sku_code, '; ' ORDER BY id) AS items, SUM(quantity) AS quantity
    FROM ecommerce_orderitem WHERE order_id = ANY(%(ids)s::bigint[]) GROUP BY order_id
) lines ON lines.order_id = o.id
LEFT JOIN LATERAL jsonb_to_record(o.shipping_address) AS a(
    name text, line1 text, line2 text, city text, state text, postal_code text, country text
) ON true
WHERE o.id = ANY(%(ids)s::bigint[]) ORDER BY o.id
"""  # noqa: S608 - the currencies of our own table


class Column(Field):  # type: ignore[misc]
    """A column whose cells PostgreSQL itself writes: `sql` is an expression over the tables of ORDERS."""

    def __init__(self, sql: str) -> None:
        super().__init__(readonly=True)
        self.sql = sql


def neutral_sql(sql: str) -> str:
    """Give the expression that writes a text so that a spreadsheet shows it instead of running it."""
    return f"CASE WHEN left(ltrim({sql}, ' '), 1) IN ({RISKY_SQL}) THEN '''' || {sql} ELSE {sql} END"


def _typed(sql: str) -> Column:
    """Write what people typed."""
    return Column(neutral_sql(sql))


def _amount(name: str) -> Column:
    """Write an amount in the currency's unit: 45.00, 4500 (JPY), 4.500 (KWD)."""
    return Column(f"o.{name} * u.unit")


def _moment(name: str) -> Column:
    """Write a time as ISO 8601 with its offset; the session's own zone is UTC."""
    return Column(f"replace(o.{name}::text, ' ', 'T') || ':00'")


def _address(name: str) -> Column:
    """Write a part of the address as it was when the order was made."""
    return _typed(f"a.{name}")


class OrderResource(Resource):  # type: ignore[misc]
    """Orders, one a row: written, not read."""

    number = Column("o.number")
    status = Column("o.status")
    customer_email = _typed("c.email")
    customer_name = _typed("btrim(c.first_name || ' ' || c.last_name)")
    items = _typed("lines.items")
    quantity = Column("lines.quantity")
    currency = Column("upper(o.currency)")
    subtotal = _amount("subtotal")
    discount = _amount("discount")
    shipping = _amount("shipping")
    tax = _amount("tax")
    total = _amount("total")
    refunded = _amount("amount_refunded")
    coupon = _typed("k.code")
    placed_via = Column("o.placed_via")
    created_at = _moment("created_at")
    paid_at = _moment("paid_at")
    fulfilled_at = _moment("fulfilled_at")
    canceled_at = _moment("canceled_at")
    returned_at = _moment("returned_at")
    invoice_number = Column("i.number")
    stripe_payment_intent_id = Column("p.stripe_payment_intent_id")
    ship_name = _address("name")
    ship_line1 = _address("line1")
    ship_line2 = _address("line2")
    ship_city = _address("city")
    ship_state = _address("state")
    ship_postal_code = _address("postal_code")
    ship_country = _address("country")

    def select(self) -> str:
        """Give the SELECT of the rows; its parameter `ids` is the array of the orders' ids."""
        columns = ", ".join(f"{field.sql} AS {name}" for name, field in self.fields.items())
        return f"SELECT {columns} {ORDERS}"

    def export(self, queryset: "QuerySet[Order] | None" = None, **_options: Any) -> tablib.Dataset:
        """Give the rows of a few orders in memory."""
        ids = list(queryset.values_list("pk", flat=True)) if queryset is not None else []
        with connection.cursor() as cursor:
            cursor.execute(self.select(), {"ids": ids})
            return tablib.Dataset(*cursor.fetchall(), headers=list(self.fields))
