"""The columns of files of products and SKUs, imported and exported.

Amounts are decimals in the currency's unit: 45.00, 4500 (JPY), 4.500 (KWD).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.imports.importer import Importer, folded
from backoffice.imports.plan import Change
from backoffice.imports.values import (
    ChoiceColumn,
    Column,
    TextColumn,
    WholeNumberColumn,
    YesNoColumn,
    as_text,
    plain_amount,
    quoted,
)
from billing.money import currency, format_money, parse_amount, plain, supported
from ecommerce.models import OrderItem, Product, Sku, TaxCategory, WithdrawalException

CODES = frozenset(dict(supported()))
EXCEPTIONS = {"": gettext_lazy("none"), **dict(WithdrawalException.choices)}
FINITE = dict(Sku.InventoryType.choices)


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name)  # noqa: SLF001 - Django's public Meta API


class ThresholdColumn(WholeNumberColumn):
    """Empty stands for the shop's own."""

    def parse(self, cell: Any, row: Mapping[str, Any]) -> Any:
        return super().parse(cell, row) if cell not in {None, ""} else None


class IdColumn(ThresholdColumn):
    """Empty stands for a new row."""

    MOST = 2**63 - 1


class CurrencyColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        return _currency_of(row)

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return str(value).upper()

    def export(self, value: Any, row: Mapping[str, Any]) -> str:
        return str(value).upper()


def _currency_of(row: Mapping[str, Any]) -> str:
    code = as_text(row.get("currency")).lower()
    if code not in CODES:
        raise ValueError(_("Name the currency beside the price, for example USD."))
    return code


class PriceColumn(Column):
    comma_file = False

    def parse(self, cell: Any, row: Mapping[str, Any]) -> int:
        code = _currency_of(row)
        return parse_amount(plain_amount(cell, currency(code).exponent, comma_file=self.comma_file), code)

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return format_money(value, row["currency"])

    def export(self, value: Any, row: Mapping[str, Any]) -> Decimal:
        return Decimal(plain(value, row["currency"]))


class ProductColumn(Column):
    """A product by its name: the value is its id."""

    def __init__(self, name: str, title: Any) -> None:
        super().__init__(name, title, required=True)
        self.by_name: dict[str, list[Product]] = {}
        self.names: dict[int, str] = {}
        self.own: dict[str, int] = {}

    def load(self, rows: Sequence[Mapping[str, Any]]) -> None:
        by_name = defaultdict(list)
        for product in Product.objects.only("pk", "name"):
            by_name[folded(product.name)].append(product)
            self.names[product.pk] = product.name
        self.by_name = by_name
        codes = {folded(str(row.get("code") or "")) for row in rows}
        stored = Sku.objects.values_list("code", "product_id")
        self.own = {folded(code): product for code, product in stored if folded(code) in codes}

    def parse(self, cell: Any, row: Mapping[str, Any]) -> int:
        name = as_text(cell)
        found = self.by_name.get(folded(name), [])
        found = [each for each in found if each.name == name] or found
        own = self.own.get(folded(str(row.get("code") or "")))
        if own in [each.pk for each in found]:  # of several, the one that this SKU has already
            return int(own or 0)
        if not found:
            raise ValueError(_("No product is called “%(name)s”; import it first.") % {"name": quoted(name)})
        if len(found) > 1:
            sentence = _("Several products are called “%(name)s”; give them names of their own first.")
            raise ValueError(sentence % {"name": quoted(name)})
        return found[0].pk

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return self.names.get(value, str(value))

    def export(self, value: Any, row: Mapping[str, Any]) -> str:
        return self.names.get(value, "")

    def load_names(self) -> None:
        self.names = dict(Product.objects.values_list("pk", "name"))


class ProductResource(Importer):
    model, key, also_found_by = Product, "id", ("name",)
    columns = (
        IdColumn("id", gettext_lazy("Number")),
        TextColumn("name", gettext_lazy("Name"), field=_field(Product, "name")),
        TextColumn("description", gettext_lazy("Description"), field=_field(Product, "description")),
        TextColumn("image", gettext_lazy("Image address"), field=_field(Product, "image")),
        YesNoColumn("shippable", gettext_lazy("Shipped")),
        ChoiceColumn("tax_category", gettext_lazy("Tax category"), choices=dict(TaxCategory.choices)),
        YesNoColumn("final_sale", gettext_lazy("Final sale")),
        ChoiceColumn("withdrawal_exception", gettext_lazy("No right to withdraw"), choices=EXCEPTIONS),
        YesNoColumn("active", gettext_lazy("On sale")),
    )
    needed_for_new = ("name",)

    def same(self, values: Mapping[str, Any]) -> str:
        return f"#{values['id']}" if values.get("id") else folded(values.get("name", ""))

    def label(self, values: Mapping[str, Any], stored: Any) -> str:
        return str(values.get("name") or stored)

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        by_name = defaultdict(list)
        for pk, name in Product.objects.values_list("pk", "name"):
            by_name[folded(name)].append(pk)
        wanted = {row["id"] for row in rows if row.get("id")}
        wanted.update(pk for row in rows for pk in by_name.get(folded(row.get("name", "")), []))
        stored = Product.objects.in_bulk(wanted)
        return {index: self._find(row, by_name, stored) for index, row in enumerate(rows)}

    @staticmethod
    def _find(row: dict[str, Any], by_name: Mapping[str, list[int]], stored: Mapping[int, Product]) -> Any:
        number = row.get("id")
        if number:
            missing = _("There is no product %(id)s; leave the id empty for a new one.") % {"id": number}
            return stored.get(number) or missing
        same = by_name.get(folded(row.get("name", "")), [])
        if not same:
            return None
        if len(same) == 1 and "id" not in row:
            return stored[same[0]]
        sentence = _("“%(name)s” is there already, as product %(ids)s; write its id, or another name for a new one.")
        return sentence % {"name": quoted(row["name"]), "ids": ", ".join(map(str, same))}


class SkuResource(Importer):
    model, key = Sku, "code"
    columns = (
        TextColumn("code", gettext_lazy("SKU code"), field=_field(Sku, "code")),
        ProductColumn("product", gettext_lazy("Product")),
        TextColumn("name", gettext_lazy("Name"), field=_field(Sku, "name")),
        CurrencyColumn("currency", gettext_lazy("Currency")),
        PriceColumn("price", gettext_lazy("Price")),
        ChoiceColumn("inventory_type", gettext_lazy("Inventory"), choices=FINITE),
        WholeNumberColumn("inventory_quantity", gettext_lazy("In stock")),
        ThresholdColumn("low_stock_at", gettext_lazy("Low stock at")),
        WholeNumberColumn("weight", gettext_lazy("Weight (g)")),
        TextColumn("bin", gettext_lazy("Bin"), field=_field(Sku, "bin")),
        TextColumn("image", gettext_lazy("Image address"), field=_field(Sku, "image")),
        YesNoColumn("active", gettext_lazy("On sale")),
    )
    needed_for_new = ("product", "name", "currency", "price")
    differences = ("inventory_quantity",)

    def attribute(self, name: str) -> str:
        return "product_id" if name == "product" else name

    def prepare(self, rows: list[Any]) -> None:
        product: Any = self.by_name["product"]
        product.load(rows)
        price: Any = self.by_name["price"]
        price.comma_file = self.comma_file

    def prepare_export(self) -> None:
        product: Any = self.by_name["product"]
        product.load_names()

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        wanted = {folded(row.get("code", "")) for row in rows}
        ids: dict[str, dict[str, int]] = defaultdict(dict)
        for pk, code in Sku.objects.values_list("pk", "code"):
            if folded(code) in wanted:
                ids[folded(code)][code] = pk
        stored = Sku.objects.in_bulk([pk for codes in ids.values() for pk in codes.values()])
        return {index: self._find(row.get("code", ""), ids, stored) for index, row in enumerate(rows)}

    @staticmethod
    def _find(code: str, ids: Mapping[str, dict[str, int]], stored: Mapping[int, Sku]) -> Any:
        same = ids.get(folded(code), {})
        if code in same or len(same) == 1:
            return stored[same.get(code) or next(iter(same.values()))]
        return _("Several SKUs have this code: %(codes)s.") % {"codes": ", ".join(same)} if same else None

    def rule(self, values: Mapping[str, Any], stored: Any) -> Iterator[tuple[str, str]]:
        if stored is None or values.get("currency", stored.currency) == stored.currency:
            return
        if "price" not in self.given:
            yield "currency", _("Write the price in the new currency beside it.")
        if self._ordered([stored.pk]):
            yield "currency", self._was_ordered(stored)

    def conflicts(self, changes: Sequence[Change], objects: Mapping[int, Any]) -> Iterator[tuple[Change, str]]:
        moved = [change for change in changes if change.pk in objects and _new(change, "currency")]
        ordered = self._ordered([change.pk for change in moved])
        yield from ((change, self._was_ordered(objects[change.pk or 0])) for change in moved if change.pk in ordered)
        codes = {folded(str(_new(change, "code"))): change for change in changes if change.pk is None}
        for code in Sku.objects.values_list("code", flat=True) if codes else ():
            if folded(code) in codes:
                yield codes[folded(code)], _("%(code)s was made by somebody else since the preview.") % {"code": code}

    @staticmethod
    def _ordered(ids: Sequence[Any]) -> set[int]:
        return set(OrderItem.objects.filter(sku__in=ids).values_list("sku_id", flat=True).distinct()) if ids else set()

    @staticmethod
    def _was_ordered(sku: Sku) -> str:
        sentence = _("%(code)s was ordered in %(currency)s; make another SKU for another currency.")
        return sentence % {"code": sku.code, "currency": sku.currency.upper()}


def _new(change: Change, name: str) -> Any:
    return next((value.new for value in change.values if value.name == name), None)
