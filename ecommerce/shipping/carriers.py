"""Carriers: the address that tracks a parcel, what their numbers look like, and their check digits.

Formats and check digits are those that the carriers publish: UPU standard S10 of the posts, UPS Tracking Number
Guidelines (1Z), USPS Publication 199 (IMpb), FedEx Ground and Express label guides, DPD Parcel Label Specification, the
SSCC of the GS1 General Specifications, the DHL Express waybill. A carrier that is not among them is accepted as text.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from django.utils.translation import gettext as _
from stdnum import ean
from stdnum.iso7064 import mod_37_36

Check = Callable[[str], bool]
CODE_DIGITS = 6  # a text with fewer digits is no number but words, such as "own van, 2nd trip"
S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
FEDEX_WEIGHTS = (1, 3, 7)  # of FedEx Express, from the last digit before the check digit on
UPS_START = 2  # its check digit leaves out the "1Z"


def _gs1(number: str) -> bool:
    return ean.calc_check_digit(number[:-1]) == number[-1]


def _gs1_of_last_22(number: str) -> bool:
    # Before it stands the destination's ZIP code, as 420 and five or nine digits.
    return _gs1(re.sub(r"^420(?:\d{9}|\d{5})(?=9[1-5]\d{20}$|9[1-5]\d{24}$)", "", number))


def _s10(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[2:10], S10_WEIGHTS, strict=True))
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11) == int(number[10])


def _ups(number: str) -> bool:
    values = [int(char) if char.isdigit() else (ord(char) - 63) % 10 for char in number[UPS_START:]]
    total = sum(values[:-1:2]) + 2 * sum(values[1:-1:2])
    return -total % 10 == values[-1]


def _fedex_express(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number[:-1])]
    total = sum(digit * FEDEX_WEIGHTS[place % 3] for place, digit in enumerate(digits))
    return total % 11 % 10 == int(number[-1])


def _dhl_express(number: str) -> bool:
    return int(number[:-1]) % 7 == int(number[-1])


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """What a number looks like. `is_own` is whether no other carrier has such ones, so that they tell the carrier."""

    pattern: str
    check: Check | None = None
    is_own: bool = True

    def looks_like(self, number: str) -> bool:
        """Whether it has the right characters, its check digit aside."""
        return re.fullmatch(self.pattern, number) is not None

    def matches(self, number: str) -> bool:
        """Whether its check digit is right, too."""
        return self.looks_like(number) and (self.check is None or self.check(number))


def _post(country: str, letters: str = "[A-Z]{2}") -> NumberFormat:
    """An item of a post: two letters, nine digits, the country's code."""
    return NumberFormat(rf"{letters}\d{{9}}{country}", _s10)


@dataclass(frozen=True, slots=True)
class Carrier:
    """`url` tracks a parcel; with no formats, any number is one of the carrier's."""

    name: str
    url: str
    formats: Sequence[NumberFormat] = ()
    other_names: Sequence[str] = ()

    def tracking_url(self, number: str) -> str:
        """The page that tracks a parcel."""
        return self.url.format(quote(number, safe=""))


CARRIERS = (
    Carrier(
        "UPS",
        "https://www.ups.com/track?tracknum={}",
        (NumberFormat(r"1Z[A-Z0-9]{15}\d", _ups), NumberFormat(r"T\d{10}|\d{9}|\d{12}", is_own=False)),
        ("United Parcel Service",),
    ),
    Carrier(
        "USPS",
        "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
        (
            NumberFormat(r"(?:420(?:\d{9}|\d{5}))?9[1-5](?:\d{20}|\d{24})", _gs1_of_last_22),
            NumberFormat(r"(?:[078]\d)\d{18}", _gs1, is_own=False),
            _post("US"),
        ),
        ("United States Postal Service", "US Mail"),
    ),
    Carrier(
        "FedEx",
        "https://www.fedex.com/fedextrack/?trknbr={}",
        (
            NumberFormat(r"\d{12}", _fedex_express),
            NumberFormat(r"\d{15}", _gs1),
            NumberFormat(r"96\d{20}", lambda number: _gs1(number[-15:])),
            NumberFormat(r"(?:100|96)\d+(?<=\d{34})", lambda number: _fedex_express(number[-14:])),
        ),
        ("Federal Express", "FedEx Express", "FedEx Ground"),
    ),
    Carrier(
        "DHL",
        "https://www.dhl.com/global-en/home/tracking.html?tracking-id={}",
        (
            NumberFormat(r"\d{10}", _dhl_express),
            NumberFormat(r"JJ?[A-Z]{2}\d{9,20}|JVGL\d{9,20}|JD\d{16,18}"),
            NumberFormat(r"003404\d{14}", _gs1),
            NumberFormat(r"GM\d{10,39}"),
            NumberFormat(r"\d{12}|JD\d+", is_own=False),
            _post("DE", "[CE][A-Z]"),
        ),
        ("DHL Express", "DHL Paket", "DHL eCommerce", "DHL Parcel"),
    ),
    Carrier(
        "DPD",
        "https://tracking.dpd.de/status/en_US/parcel/{}",
        (NumberFormat(r"[0-9]{27}[0-9A-Z]", mod_37_36.is_valid), NumberFormat(r"\d{14}")),
    ),
    Carrier(
        "GLS",
        "https://gls-group.com/GROUP/en/parcel-tracking?match={}",
        (NumberFormat(r"\d{11,12}|[A-Z0-9]{8}", is_own=False),),
    ),
    Carrier("Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/{}", (_post("GB"),)),
    Carrier(
        "Deutsche Post",
        "https://www.deutschepost.de/de/s/sendungsverfolgung.html?piececode={}",
        (_post("DE", "[LRUV][A-Z]"), NumberFormat(r"\d{2}[0-9A-F]{7}\d{4}[0-9A-F]{7}", is_own=False)),
    ),
    Carrier(
        "Canada Post",
        "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}",
        (NumberFormat(r"\d{16}", _gs1), _post("CA")),
    ),
    Carrier(
        "PostNL",
        "https://postnl.nl/tracktrace/?L=EN&B={}&P=&D=&T=C",
        (NumberFormat(r"3S[A-Z0-9]{9,13}"), _post("NL")),
    ),
    Carrier(
        "La Poste",
        "https://www.laposte.fr/outils/suivre-vos-envois?code={}",
        (NumberFormat(r"\d[A-Z]\d{11}"), _post("FR")),
        ("Colissimo", "La Poste Colissimo"),
    ),
    Carrier(
        "Correos",
        "https://www.correos.es/es/en/tools/tracker/items/details?tracking-number={}",
        (NumberFormat(r"P[A-Z][A-Z0-9]{20}[A-Z]"), _post("ES")),
    ),
    Carrier("InPost", "https://inpost.pl/sledzenie-przesylek?number={}", (NumberFormat(r"\d{24}"),)),
    Carrier(
        "Swiss Post",
        "https://service.post.ch/ekp-web/ui/entry/search/{}",
        (NumberFormat(r"99\d{16}"), _post("CH")),
        ("Die Post", "La Poste Suisse"),
    ),
    Carrier(
        "Austrian Post",
        "https://www.post.at/sv/sendungsdetails?snr={}",
        (_post("AT"), NumberFormat(r"\d{22}", is_own=False)),
        ("Österreichische Post",),
    ),
    Carrier(
        "PostNord",
        "https://tracking.postnord.com/en/?id={}",
        (_post("(?:SE|DK)"), NumberFormat(r"\d{18,20}", is_own=False)),
    ),
    Carrier("Poste Italiane", "https://www.poste.it/cerca/index.html#/risultati-spedizioni/{}"),
    Carrier("Poczta Polska", "https://emonitoring.poczta-polska.pl/?numer={}"),
    Carrier("An Post", "https://www.anpost.com/Post-Parcels/Track/History?item={}", (_post("IE"),)),
    Carrier("Australia Post", "https://auspost.com.au/mypost/track/#/details/{}"),
)
BY_NAME = {name.casefold(): carrier for carrier in CARRIERS for name in (carrier.name, *carrier.other_names)}


def normalize_number(text: str) -> str:
    """Write a number without the spaces that it is printed with; words stay as they are."""
    words = " ".join(text.split())
    return words.replace(" ", "").upper() if sum(map(str.isdigit, words)) >= CODE_DIGITS else words


def carrier_named(text: str) -> Carrier | None:
    """The carrier of this name, or of another one that it is known by."""
    return BY_NAME.get(" ".join(text.split()).casefold())


def guess_carrier(number: str) -> Carrier | None:
    """The one carrier whose numbers look like this; None where there is none, or more than one."""
    number = normalize_number(number)
    found = [carrier for carrier in CARRIERS if any(form.is_own and form.matches(number) for form in carrier.formats)]
    return found[0] if len(found) == 1 else None


def carrier_name(text: str, numbers: Sequence[str]) -> str:
    """The carrier's name as the table has it, or as typed; where none is typed, that of the first number."""
    carrier = carrier_named(text) if text.strip() else guess_carrier(numbers[0]) if numbers else None
    return carrier.name if carrier else " ".join(text.split())


def tracking_url(carrier: str, number: str) -> str:
    """The page that tracks a parcel; "" where there is none."""
    known = carrier_named(carrier)
    return known.tracking_url(normalize_number(number)) if known and number else ""


def number_problem(carrier: str, number: str) -> str:
    """Why this can't be a number of the carrier, as a sentence; "" where it may be one."""
    known, number = carrier_named(carrier), normalize_number(number)
    if known is None or not known.formats or any(form.matches(number) for form in known.formats):
        return ""
    values = {"number": number, "carrier": known.name}
    if any(form.looks_like(number) for form in known.formats):
        return _("The check digit of %(number)s is wrong: one of its characters was mistyped.") % values
    other = guess_carrier(number)
    if other:
        return _("%(number)s is a number of %(other)s, not of %(carrier)s.") % {**values, "other": other.name}
    return _("%(number)s does not look like a number of %(carrier)s.") % values
