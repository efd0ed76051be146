"""The money of the order page: items, sums, taxes, and what each refund gives back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import JSONField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from billing.models import InvoiceLine, InvoiceTax, Refund, RefundAllocation, RefundFee
from billing.money import format_money
from billing.sums import (
    TaxTotal,
    by_line,
    given_back,
    rates,
    reasons,
    refunded_of,
    sum_rows,
    tax_totals,
    taxes_given_back,
)
from ecommerce.admin.orders.parcels import item_state, read_parcel
from ecommerce.models import Order, OrderItem, TaxLine


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item; a custom line has no `code`. `refunded` and `state` say in words what became of it."""

    description: str
    code: str
    quantity: int
    price: str
    discount: str
    tax: str
    rates: str
    amount: str
    refunded: str
    state: str


@dataclass(frozen=True, slots=True)
class TotalRow:
    label: str
    amount: str
    is_total: bool = False


# All in the statement that reads the order, whose page asks few; the ORM would take longer to write it than to run it.
# Rates are text, since a number of JSON becomes a float.
READ_MONEY = """
(SELECT jsonb_build_object(
    'shop_collects_tax', EXISTS (SELECT FROM ecommerce_taxrate),
    'order_taxes', (SELECT jsonb_agg(t ORDER BY t.id) FROM (
        SELECT id, item_id, country, region, name, rate::text AS rate, category, reason, taxable, amount
        FROM ecommerce_taxline WHERE order_id = ecommerce_order.id) t),
    'lines', (SELECT jsonb_agg(l ORDER BY l.id) FROM (
        SELECT id, description, quantity, refunded, refunded_quantity
        FROM billing_invoiceline WHERE invoice_id = ecommerce_order.invoice_id) l),
    'invoice_taxes', (SELECT jsonb_agg(t ORDER BY t.id) FROM (
        SELECT id, line_id, name, rate::text AS rate, amount, refunded
        FROM billing_invoicetax WHERE invoice_id = ecommerce_order.invoice_id) t),
    'allocations', (SELECT jsonb_agg(a ORDER BY a.id) FROM (
        SELECT a.id, a.refund_id, a.invoice_line_id, a.invoice_tax_id, a.quantity, a.amount
        FROM billing_payment p JOIN billing_refund r ON r.payment_id = p.id
        JOIN billing_refundallocation a ON a.refund_id = r.id
        WHERE p.invoice_id = ecommerce_order.invoice_id) a),
    'parcels', (SELECT jsonb_agg(f ORDER BY f.id) FROM (
        SELECT f.id, carrier, tracking_number, further_tracking_numbers, at, by_label, delivered_at, voided_at,
            voided_by, void_reason, (SELECT jsonb_object_agg(item_id, quantity) FROM ecommerce_fulfillmentitem c
                WHERE c.fulfillment_id = f.id) AS held
        FROM ecommerce_fulfillment f WHERE f.order_id = ecommerce_order.id) f),
    'fees', (SELECT jsonb_agg(f ORDER BY f.id) FROM (
        SELECT f.id, f.refund_id, f.name, f.amount, f.tax, f.invoice_tax_id
        FROM billing_payment p JOIN billing_refund r ON r.payment_id = p.id AND r.fees > 0
        JOIN billing_refundfee f ON f.refund_id = r.id
        WHERE p.invoice_id = ecommerce_order.invoice_id) f)
))
"""


def with_money(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Read all that `OrderMoney` shows with the orders themselves."""
    return orders.annotate(money=RawSQL(READ_MONEY, (), output_field=JSONField()))  # noqa: S611 - our own words


class OrderMoney:
    """The items, sums and taxes of an order that was read by `with_money`.

    An order's items and its invoice's lines have the same order.
    """

    def __init__(self, order: Order) -> None:
        read: dict[str, Any] = order.money  # type: ignore[attr-defined]
        self.order = order
        self.shop_collects_tax: bool = read["shop_collects_tax"]
        self.items = list(order.items.order_by("pk"))
        self.order_taxes = [TaxLine(**_with_rate(row)) for row in read["order_taxes"] or ()]
        self.lines = [InvoiceLine(**row) for row in read["lines"] or ()]
        self.invoice_taxes = [InvoiceTax(**_with_rate(row)) for row in read["invoice_taxes"] or ()]
        self.parcels = [read_parcel(row) for row in read["parcels"] or ()]
        self.fees = [RefundFee(**row) for row in read["fees"] or ()]
        self.allocations = [RefundAllocation(**row) for row in read["allocations"] or ()]

    @property
    def taxes(self) -> list[TaxTotal]:
        return tax_totals(self.order_taxes)

    def context(self) -> dict[str, Any]:
        taxes = self.taxes
        return {
            "items": self._item_rows(),
            "discounted": any(item.discount for item in self.items),
            "taxed": bool(taxes),
            "totals": self._total_rows(taxes),
            "tax_reasons": reasons(taxes) if taxes else self._untaxed(),
        }

    def _untaxed(self) -> list[str]:
        # Of a shop that collects no tax it goes without saying.
        return [_("No tax was collected.")] if self.shop_collects_tax else []

    def _item_rows(self) -> list[ItemRow]:
        of_items: dict[int | None, list[TaxLine]] = {}
        for tax in self.order_taxes:
            of_items.setdefault(tax.item_id, []).append(tax)
        of_lines = by_line(self.invoice_taxes)
        refunded = [self._refunded(line, of_lines.get(line.pk, [])) for line in self.lines]
        return [
            self._item_row(item, of_items.get(item.pk, []), said)
            for item, said in zip(self.items, refunded or [""] * len(self.items), strict=True)
        ]

    def _item_row(self, item: OrderItem, taxes: list[TaxLine], refunded: str) -> ItemRow:
        return ItemRow(
            description=item.description,
            code=item.sku_code,
            quantity=item.quantity,
            price=self._money(item.unit_price),
            discount=self._money(-item.discount) if item.discount else "",
            tax=self._money(item.tax),
            rates=rates(taxes),
            amount=self._money(item.amount),
            refunded=refunded,
            state=item_state(item, self.order),
        )

    def _refunded(self, line: InvoiceLine, taxes: list[InvoiceTax]) -> str:
        money = refunded_of(line, taxes)
        values = {"units": line.refunded_quantity, "quantity": line.quantity, "money": self._money(money)}
        if line.refunded_quantity:
            return _("%(units)s of %(quantity)s refunded, %(money)s") % values
        return _("%(money)s refunded") % values if money else ""

    def _total_rows(self, taxes: list[TaxTotal]) -> list[TotalRow]:
        coupon = self.order.coupon.code if self.order.coupon else ""
        rows = []
        for row in sum_rows(self.order, taxes, coupon_code=coupon):
            of = _("of %(money)s") % {"money": self._money(row.of)} if row.of is not None else ""
            rows.append(TotalRow(f"{row.label} {of}".strip(), self._money(row.amount), is_total=row.is_total))
        if self.order.amount_refunded:
            rows.append(TotalRow(_("Refunded"), self._money(-self.order.amount_refunded)))
        if self.order.fees_kept:
            rows.append(TotalRow(_("Kept of refunds as fees"), self._money(self.order.fees_kept)))
        return rows

    def gives_back(self, refund: Refund) -> list[str]:
        """What a refund gives back, in a sentence a line; nothing where it failed."""
        if refund.status == Refund.Status.FAILED:
            return []
        allocations = [each for each in self.allocations if each.refund_id == refund.pk]
        fees = [each for each in self.fees if each.refund_id == refund.pk]
        back = given_back(allocations, self.lines, fees, shipping_name=self.order.shipping_name)
        sentences = [
            f"{each.quantity} x {each.label}: {self._money(each.total)}"
            if each.quantity
            else f"{each.label}: {self._money(each.total)}"
            for each in back
        ]
        taxes = taxes_given_back(allocations, self.invoice_taxes, fees)
        return sentences + [
            _("Including %(tax)s: %(money)s") % {"tax": label, "money": self._money(amount)} for label, amount in taxes
        ]

    def _money(self, amount: int) -> str:
        return format_money(amount, self.order.currency)


def _with_rate(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"rate": Decimal(row["rate"])}
