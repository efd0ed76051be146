"""Tax identification numbers, written with their country's prefix: DE136695976, FR40303265045, EL094259216.

They are checked offline, by the country's format and check digits: that tells a typo from a number, not whether the
tax office has given it to somebody. `settings.TAX_ID_CHECKER` names the function that checks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stdnum
from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from stdnum import exceptions, get_cc_module
from stdnum.eu import vat as eu_vat

from customers.countries import country_choices, country_name

NORTHERN_IRELAND = "XI"
_PREFIXES = {"EL": "GR", NORTHERN_IRELAND: "GB"}
_WRITTEN = {"GR": "EL", "MC": "FR"}
_FORM = re.compile(r"[A-Z]{2}[A-Z0-9]{2,30}")
_CHECKED_BY = f"python-stdnum {stdnum.__version__}"


class WrongTaxId(ValueError):
    """Its text says to users what is wrong, and what to write."""


@dataclass(frozen=True, slots=True)
class TaxId:
    """`text` as it is stored. `checked_by` is empty where nothing is known of the country's numbers."""

    text: str
    checked_by: str


def country_of(tax_id: str) -> str:
    """Return the ISO code of the country whose prefix it has."""
    return _PREFIXES.get(tax_id[:2], tax_id[:2])


def check(text: str) -> TaxId:
    """Check a tax id, or an empty text; raise WrongTaxId."""
    if not text.strip():
        return TaxId("", "")
    checker: Callable[[str], TaxId] = import_string(settings.TAX_ID_CHECKER)
    return checker(text)


def columns(tax_id: TaxId, *, at: datetime) -> dict[str, Any]:
    """Return what a Customer keeps of it."""
    checked_at = at if tax_id.checked_by else None
    return {"tax_id": tax_id.text, "tax_id_checked_by": tax_id.checked_by, "tax_id_checked_at": checked_at}


def check_offline(text: str) -> TaxId:
    """Check by the country's format and check digits."""
    compact = re.sub(r"[\s./-]+", "", text.upper())
    prefix = _WRITTEN.get(compact[:2], compact[:2])
    compact = prefix + compact[2:]
    if not _FORM.fullmatch(compact) or country_of(compact) not in dict(country_choices()):
        sentence = _("“%(text)s” is no tax id: write it with its country's prefix, for example DE136695976.")
        raise WrongTaxId(sentence % {"text": text.strip()[:40]})
    module = _module(prefix)
    return TaxId(_validated(module, prefix, compact), _CHECKED_BY) if module else TaxId(compact, "")


def _module(prefix: str) -> Any:
    is_european = prefix == "EL" or prefix.lower() in eu_vat.MEMBER_STATES
    return eu_vat if is_european else get_cc_module(prefix.lower(), "vat")


def _validated(module: Any, prefix: str, compact: str) -> str:
    country = country_name(country_of(prefix))
    try:
        number = _number(module, compact)
    except exceptions.InvalidChecksum:
        sentence = _("The check digit of “%(text)s” is wrong: compare it with the customer's letter, digit by digit.")
        raise WrongTaxId(sentence % {"text": compact}) from None
    except exceptions.InvalidLength:
        sentence = _("“%(text)s” has too few or too many characters for a tax id of %(country)s.")
        raise WrongTaxId(sentence % {"text": compact, "country": country}) from None
    except exceptions.ValidationError:
        sentence = _("“%(text)s” does not look like a tax id of %(country)s: compare it with the customer's letter.")
        raise WrongTaxId(sentence % {"text": compact, "country": country}) from None
    return number if number.startswith(prefix) else prefix + number


def _number(module: Any, compact: str) -> str:
    # Outside the EU most countries' numbers have no prefix of their own.
    number: str = module.validate(compact if module is eu_vat or module.is_valid(compact) else compact[2:])
    return number
