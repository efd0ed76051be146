"""The columns of a file of orders, each an SQL expression: PostgreSQL writes the cells itself."""

from typing import Any

import tablib
from django.db import connection
from django.db.models import QuerySet
from import_export.fields import Field
from import_export.resources import Resource

from backoffice.spreadsheets import escape_formula_sql
from backoffice.writers import Format
from billing.money import currency, supported
from ecommerce.models import Order

# Currencies have their own number of decimals: multiplied by its unit, an amount is a decimal with just as many.
CODES_BY_EXPONENT = {
    exponent: ", ".join(f"'{code}'" for code, _label in supported() if currency(code).exponent == exponent)
    for exponent in (0, 3)
}
UNIT = (
    f"CASE WHEN o.currency IN ({CODES_BY_EXPONENT[0]}) THEN 1"
    f" WHEN o.currency IN ({CODES_BY_EXPONENT[3]}) THEN 0.001 ELSE 0.01 END"
)

# The items are summed up for all orders at once: one by one takes twice as long.
FROM_ORDERS = f"""
FROM ecommerce_order o
CROSS JOIN LATERAL (SELECT {UNIT} AS unit) u
JOIN customers_customer c ON c.id = o.customer_id
LEFT JOIN ecommerce_coupon k ON k.id = o.coupon_id
LEFT JOIN billing_invoice i ON i.id = o.invoice_id
LEFT JOIN billing_payment p ON p.invoice_id = o.invoice_id AND p.status <> 'failed'
LEFT JOIN (
    SELECT order_id, SUM(quantity) AS quantity, string_agg(
        quantity || ' x ' || CASE WHEN sku_code = '' THEN description ELSE sku_code END, '; ' ORDER BY id) AS items
    FROM ecommerce_orderitem WHERE order_id = ANY(%(ids)s::bigint[]) GROUP BY order_id
) lines ON lines.order_id = o.id
LEFT JOIN (
    SELECT order_id, string_agg(t.name, ', ' ORDER BY t.name) AS names
    FROM ecommerce_ordertag g JOIN ecommerce_tag t ON t.id = g.tag_id WHERE order_id = ANY(%(ids)s::bigint[])
    GROUP BY order_id
) tags ON tags.order_id = o.id
LEFT JOIN customers_user s ON s.id = o.assignee_id
LEFT JOIN LATERAL jsonb_to_record(o.shipping_address) AS a(
    name text, line1 text, line2 text, city text, state text, postal_code text, country text
) ON true
WHERE o.id = ANY(%(ids)s::bigint[]) ORDER BY o.id
"""  # noqa: S608 - the currencies of our own table


class Column(Field):  # type: ignore[misc]
    """`sql` is an expression over the tables that the resource reads."""

    is_number = False

    def __init__(self, sql: str) -> None:
        super().__init__(readonly=True)
        self.sql = sql

    def written_as(self, _form: Format) -> str:
        return self.sql


class NumberColumn(Column):
    is_number = True


class AmountColumn(NumberColumn):
    def written_as(self, form: Format) -> str:
        return f"replace(({self.sql})::text, '.', ',')" if form == Format.EXCEL else self.sql


class TextColumn(Column):
    def written_as(self, form: Format) -> str:
        # A workbook's text is text: nothing has to be escaped.
        return self.sql if form == Format.XLSX else escape_formula_sql(self.sql, form.delimiter)


def _amount(name: str) -> AmountColumn:
    return AmountColumn(f"o.{name} * u.unit")


def _time(name: str) -> Column:
    """ISO 8601 with its offset, in the session's time zone; PostgreSQL leaves out an offset's minutes if they are 0."""
    minutes = f"CASE WHEN left(right(o.{name}::text, 3), 1) IN ('+', '-') THEN ':00' ELSE '' END"
    return Column(f"replace(o.{name}::text, ' ', 'T') || {minutes}")


class CopiedResource(Resource):  # type: ignore[misc]
    """`tables` are those that the columns read, of the orders whose ids are the parameter `ids`."""

    tables = ""

    def select(self, form: Format = Format.CSV) -> str:
        """The SELECT of the rows; its parameter `ids` is the array of the orders' ids."""
        columns = ", ".join(f"{field.written_as(form)} AS {name}" for name, field in self.fields.items())
        return f"SELECT {columns} {self.tables}"


class OrderResource(CopiedResource):
    tables = FROM_ORDERS
    number = Column("o.number")
    status = Column("o.status")
    customer_email = TextColumn("c.email")
    customer_name = TextColumn("btrim(c.first_name || ' ' || c.last_name)")
    items = TextColumn("lines.items")
    quantity = NumberColumn("lines.quantity")
    currency = Column("upper(o.currency)")
    subtotal = _amount("subtotal")
    discount = _amount("discount")
    shipping = _amount("shipping")
    tax = _amount("tax")
    total = _amount("total")
    refunded = _amount("amount_refunded")
    coupon = TextColumn("k.code")
    placed_via = Column("o.placed_via")
    created_at = _time("created_at")
    paid_at = _time("paid_at")
    fulfilled_at = _time("fulfilled_at")
    canceled_at = _time("canceled_at")
    returned_at = _time("returned_at")
    invoice_number = Column("i.number")
    stripe_payment_intent_id = Column("p.stripe_payment_intent_id")
    ship_name = TextColumn("a.name")
    ship_line1 = TextColumn("a.line1")
    ship_line2 = TextColumn("a.line2")
    ship_city = TextColumn("a.city")
    ship_state = TextColumn("a.state")
    ship_postal_code = TextColumn("a.postal_code")
    ship_country = TextColumn("a.country")
    fulfillment_state = Column("o.fulfillment_state")
    # What is before is fixed; new columns go to the end.
    tags = TextColumn("tags.names")
    on_hold = Column("CASE WHEN o.on_hold THEN 'true' ELSE 'false' END")
    hold_reason = TextColumn("o.hold_reason")
    assignee = TextColumn("s.username")

    def export(self, queryset: "QuerySet[Order] | None" = None, **_options: Any) -> tablib.Dataset:
        """The rows of a few orders in memory, as django-import-export's own tools expect them."""
        ids = list(queryset.values_list("pk", flat=True)) if queryset is not None else []
        with connection.cursor() as cursor:
            cursor.execute(self.select(), {"ids": ids})
            return tablib.Dataset(*cursor.fetchall(), headers=list(self.fields))
