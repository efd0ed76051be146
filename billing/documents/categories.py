"""Lines and shipping as EN 16931 taxes them: each part by one category and rate, all of one kind in one group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Self

from django.utils.translation import gettext as _

from billing.documents.document import REASON_CODES, DocumentLine, InvoiceDocument, LineTax

_TAXED = {"S", "Z"}  # BR-S-10, BR-Z-10: no reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A line, or what one tax is charged on of the shipping (`line` is empty); amounts in the minor unit.

    `rate` is the sum of all that is charged on it, of which there are `taxes`: VAT knows one rate.
    """

    position: int
    line: DocumentLine | None
    name: str
    net: int
    tax: int
    category: str
    rate: Decimal
    reason: str
    taxes: int = 1

    @property
    def key(self) -> tuple[str, Decimal]:
        """What parts of one group have in common."""
        return self.category, self.rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of the VAT breakdown (BG-23); one without tax says why, and by which code of the list VATEX."""

    category: str
    rate: Decimal
    taxable: int
    tax: int
    reason: str = ""
    reason_code: str = ""

    @property
    def key(self) -> tuple[str, Decimal]:
        """What its parts have in common."""
        return self.category, self.rate

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        """Add up parts of one category and rate."""
        category, rate = parts[0].key
        reasons = dict.fromkeys(part.reason for part in parts if part.reason)
        return cls(
            category=category,
            rate=rate,
            taxable=sum(part.net for part in parts),
            tax=sum(part.tax for part in parts),
            reason="" if category in _TAXED else "; ".join(reasons),
            reason_code=REASON_CODES.get(category, ""),
        )


def parts_of(document: InvoiceDocument) -> list[Part]:
    """Split a document into what one category and rate each apply to; what costs nothing to ship is left out."""
    lines = [
        _part(position, line.taxes, name=line.description, line=line, net=line.net, tax=line.tax)
        for position, line in enumerate(document.lines, start=1)
    ]
    parts = [*lines, *_shipping(document, len(lines))]
    # BR-O-11: what is not subject to VAT stands alone. Beside anything else it is written as exempt, for its reason.
    if {part.category for part in parts} - {"O"}:
        return [replace(part, category="E") if part.category == "O" else part for part in parts]
    return parts


def breakdown(parts: Iterable[Part]) -> list[Group]:
    """Return the groups in the order in which they first come."""
    groups: dict[tuple[str, Decimal], list[Part]] = {}
    for part in parts:
        groups.setdefault(part.key, []).append(part)
    return [Group.of(each) for each in groups.values()]


def _shipping(document: InvoiceDocument, lines: int) -> list[Part]:
    shipping = document.shipping
    if not shipping or not (shipping.net or shipping.tax):
        return []
    stacks = _stacks(shipping.taxes, shipping.net)
    nets = [stack[0].taxable for stack in stacks[1:]]
    nets.insert(0, shipping.net - sum(nets))
    name = _("Shipping: %(name)s") % {"name": shipping.name} if shipping.name else _("Shipping")
    return [
        _part(position, stack, name=name, line=None, net=net, tax=sum(tax.amount for tax in stack))
        for position, (stack, net) in enumerate(zip(stacks, nets, strict=True), start=lines + 1)
    ]


def _stacks(taxes: Sequence[LineTax], net: int) -> list[Sequence[LineTax]]:
    """Taxes of parts of the shipping each stand alone; those that are all charged on the whole of it are one stack."""
    if not taxes or (len(taxes) > 1 and all(tax.taxable == net for tax in taxes)):
        return [taxes]
    return [[tax] for tax in taxes]


def _part(position: int, taxes: Sequence[LineTax], *, name: str, line: DocumentLine | None, net: int, tax: int) -> Part:
    charged = [each for each in taxes if each.rate] or taxes[:1]
    category = charged[0].category if charged else "E"
    reason = charged[0].reason if charged else _("No tax was collected.")
    if category == "E" and not reason:
        reason = _("Exempt from tax.")
    rate = sum((each.rate for each in charged), Decimal(0)).normalize()
    of_tax: dict[str, Any] = {"category": category, "rate": rate, "reason": reason, "taxes": max(len(charged), 1)}
    return Part(position=position, line=line, name=name, net=net, tax=tax, **of_tax)
