"""The items and taxes of an order as a quote has them, written when it is placed or its price changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.models import InvoiceLine, InvoiceTax
from ecommerce.models import Order, OrderItem, TaxLine
from ecommerce.orders.quotes import Quote
from ecommerce.orders.terms import billing_address
from ecommerce.pricing.order import PricedTax


@dataclass(frozen=True, slots=True)
class OrderContents:
    """The items of an order, all its tax lines, and the customer's billing address."""

    items: Sequence[OrderItem]
    taxes: Sequence[TaxLine]
    billing: Mapping[str, Any] | None

    def invoice_lines(self) -> list[InvoiceLine]:
        """The unsaved lines of the order's invoice, in the order of the items."""
        return [
            InvoiceLine(
                sku_code=item.sku_code,
                description=item.description,
                quantity=item.quantity,
                unit_price=item.unit_price,
                amount=item.amount,
                discount=item.discount,
                manual_discount=item.manual_discount,
                tax=item.tax,
                prices_include_tax=item.order.prices_include_tax,
            )
            for item in self.items
        ]

    def invoice_taxes(self, lines: Sequence[InvoiceLine]) -> list[InvoiceTax]:
        """The unsaved taxes of those lines and of the shipping."""
        line_of = {item.pk: line for item, line in zip(self.items, lines, strict=True)}
        return [
            InvoiceTax(
                line=line_of[tax.item_id] if tax.item_id else None,
                country=tax.country,
                region=tax.region,
                name=tax.name,
                rate=tax.rate,
                category=tax.category,
                reason=tax.reason,
                taxable=tax.taxable,
                amount=tax.amount,
            )
            for tax in self.taxes
        ]


def read_contents(order: Order) -> OrderContents:
    """Read the items and taxes of a placed order."""
    return OrderContents(
        items=list(order.items.select_related("order").order_by("pk")),
        taxes=list(order.tax_lines.order_by("pk")),
        billing=billing_address(order.customer, via=order.placed_via),
    )


def write_totals(order: Order, quote: Quote) -> None:
    """Write the sums of a quote to an order that the caller saves."""
    totals = quote.totals
    order.coupon = quote.coupon
    order.prices_include_tax = totals.prices_include_tax
    order.subtotal, order.discount, order.manual_discount = totals.subtotal, totals.discount, totals.manual_discount
    order.shipping, order.shipping_tax = totals.shipping, totals.shipping_tax
    order.shipping_name = quote.shipping_name
    if quote.shipping_options:
        order.shipping_cheapest = quote.shipping_options[0].price
    order.tax, order.total = totals.tax, totals.total
    order.tax_calculation_id = quote.tax_calculation.id if quote.tax_calculation else ""


def write_contents(order: Order, quote: Quote) -> OrderContents:
    """Write the items and taxes of a quote to an order that has none."""
    items = OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            sku=line.sku,
            sku_code=line.sku.code if line.sku else "",
            description=line.description,
            unit_price=line.unit_price,
            quantity=line.quantity,
            amount=line.amount,
            discount=line.priced.discount,
            manual_discount=line.priced.manual_discount,
            tax=line.priced.tax,
            tax_category=line.tax_category,
            shippable=line.shippable,
            final_sale=bool(line.sku and line.sku.product.final_sale),
            withdrawal_exception=line.sku.product.withdrawal_exception if line.sku else "",
        )
        for line in quote.lines
    )
    return OrderContents(items=items, taxes=_write_taxes(order, items, quote), billing=None)


def rewrite_contents(order: Order, quote: Quote) -> None:
    """Write the prices and taxes of a quote to the items that an order has, in their order."""
    items = list(order.items.order_by("pk"))
    for item, line in zip(items, quote.lines, strict=True):
        item.unit_price, item.amount = line.unit_price, line.amount
        item.discount, item.manual_discount = line.priced.discount, line.priced.manual_discount
        item.tax = line.priced.tax
    OrderItem.objects.bulk_update(items, ["unit_price", "amount", "discount", "manual_discount", "tax"])
    order.tax_lines.all().delete()
    _write_taxes(order, items, quote)


def _write_taxes(order: Order, items: Sequence[OrderItem], quote: Quote) -> list[TaxLine]:
    totals = quote.totals
    of_items = [
        _tax_line(order, item, tax) for item, line in zip(items, totals.lines, strict=True) for tax in line.taxes
    ]
    of_shipping = [_tax_line(order, None, tax) for tax in totals.shipping_taxes]
    # Without rows there is no statement: a shop that collects no tax pays nothing for this.
    return TaxLine.objects.bulk_create([*of_items, *of_shipping])


def _tax_line(order: Order, item: OrderItem | None, priced: PricedTax) -> TaxLine:
    return TaxLine(
        order=order,
        item=item,
        country=priced.tax.country,
        region=priced.tax.region,
        name=priced.tax.name,
        rate=priced.tax.percent,
        category=priced.tax.category,
        reason=priced.tax.reason,
        taxable=priced.taxable,
        amount=priced.amount,
        included=order.prices_include_tax,
        source=TaxLine.Source.STRIPE if order.tax_calculation_id else TaxLine.Source.TABLE,
    )
