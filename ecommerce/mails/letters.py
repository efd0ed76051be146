"""What a mail about an order says beside its texts: sections that both its plain text and its HTML show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from customers.mail.text_templates import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A link that the mail is written for."""

    name: ClassVar[str] = "button"
    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line or a sum; amounts are formatted."""

    label: str
    amount: str = ""
    detail: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Lines with what they cost, and the sums below them."""

    name: ClassVar[str] = "table"
    title: str
    rows: Sequence[Row]
    sums: Sequence[Row] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Lines without amounts."""

    name: ClassVar[str] = "listing"
    title: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A few facts, some of which lead somewhere: the numbers of a parcel."""

    name: ClassVar[str] = "panel"
    title: str
    links: Sequence[Link]


Section = Button | Table | Listing | Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`notes` are sentences below the sections; `data` is added to the mail's own."""

    names: Names
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
