"""Which postal codes are meant by "80331-80999" or "IV": ranges and beginnings, as tariffs list them.

Codes are compared in a form in which blanks, hyphens and case don't matter. British codes have districts of one or two
digits, so that AB3 is not the beginning of AB31: there each part gets a width of its own.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

_BRITISH = frozenset({"GB", "GG", "IM", "JE"})
_FULL_BRITISH = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_OUTWARD = re.compile(r"(?P<area>[A-Z]{1,2})(?:(?P<district>[0-9]{1,2})(?P<letter>[A-Z])?)?")
_DASHES = re.compile(r"\s*(?:\.{2,3}|[‐‑‒–—−])\s*|\s+-\s+")


@dataclass(frozen=True, slots=True)
class PostalCodes:
    """`text` as it is listed. `first` and `last`, of one length, are its ends; they are equal for a beginning."""

    text: str
    first: str
    last: str

    @property
    def length(self) -> int:
        """How much of a code it says: of two that match, the longer one is meant."""
        return len(self.first)

    def __contains__(self, code: str) -> bool:
        """Whether it covers a code that `comparable` returned."""
        return len(code) >= self.length and self.first <= code[: self.length] <= self.last

    def overlaps(self, other: "PostalCodes") -> bool:
        """Whether some code is in both, and neither says more of it than the other."""
        return self.length == other.length and self.first <= other.last and other.first <= self.last


def comparable(country: str, code: str) -> str:
    """Return a postal code, or the beginning of one, in the form in which codes of the country are compared."""
    text = " ".join(code.upper().split())
    if country in _BRITISH and (british := _british(text)):
        return british
    return re.sub(r"[^A-Z0-9]", "", text)


def _british(text: str) -> str:
    full = _FULL_BRITISH.fullmatch(text.replace(" ", ""))
    outward, inward = full.groups() if full else (text.partition(" ")[0], text.partition(" ")[2])
    match = _OUTWARD.fullmatch(outward)
    if match is None or (inward and not match["district"]):
        return ""
    area = match["area"].ljust(2, "_")
    # Where a district ends in a letter, as W1A, the letter has a place; a beginning leaves it open.
    letter = match["letter"] or ("_" if inward else "")
    return f"{area}{match['district'].zfill(2)}{letter}{inward}" if match["district"] else area


def parse(country: str, text: str) -> PostalCodes:
    """Read one entry of a list; raise ValueError with a sentence for users."""
    shown = " ".join(text.upper().split())
    first, last = _ends(country, shown)
    if not first:
        raise ValueError(_("“%(text)s” is not a postal code, nor the beginning of one.") % {"text": shown[:30]})
    if len(first) != len(last):
        raise ValueError(_("“%(text)s” is a range of codes of two lengths; write both alike.") % {"text": shown[:30]})
    if first > last:
        sentence = _("“%(text)s” ends before it begins; write the lower code first.")
        raise ValueError(sentence % {"text": shown[:30]})
    return PostalCodes(shown, first, last)


def _ends(country: str, text: str) -> tuple[str, str]:
    first, dash, last = _DASHES.sub("…", text).partition("…")
    if not dash:
        first, last = _halves(country, text)
    ends = comparable(country, first), comparable(country, last)
    return ends if all(ends) else ("", "")


def _halves(country: str, text: str) -> tuple[str, str]:
    # Codes have hyphens themselves: 1234-567 is one in Portugal, 00-950-00-959 a range in Poland.
    pieces = text.split("-")
    middle = len(pieces) // 2
    halves = "-".join(pieces[:middle]), "-".join(pieces[middle:])
    lengths = {len(comparable(country, half)) for half in halves}
    return (text, text) if len(pieces) % 2 or len(lengths) > 1 else halves
