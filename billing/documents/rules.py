"""The rules of EN 16931 in plain words: what is wrong, and what to do."""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_SELLER = gettext_lazy(
    "The seller's name or address is missing: fill it in under Settings > Seller, then press Issue again."
)
_SELLER_TAX_ID = gettext_lazy(
    "The seller's tax id is missing: fill it in under Settings > Seller, then press Issue again."
)
_BUYER = gettext_lazy(
    "The buyer's address, or its country, is missing: correct the address of the order or customer, then press Issue"
    " again."
)
_SUMS = gettext_lazy(
    "The amounts don't add up to the cent, which is a fault of the program: report it with the number of the document."
)
_CODE = gettext_lazy(
    "It has a code that the standard does not know, of a country, currency or unit: correct the address or the product,"
    " then press Issue again."
)

# By the start of the rule, the longest first.
_WORDS: dict[str, Promise] = {
    "BR-06": _SELLER,
    "BR-08": _SELLER,
    "BR-09": _SELLER,
    "BR-CO-26": _SELLER_TAX_ID,
    "BR-CO-09": gettext_lazy(
        "The seller's or the buyer's tax id does not begin with the two letters of its country: write it like"
        " DE136695976, then press Issue again."
    ),
    "BR-07": gettext_lazy("The buyer's name is missing: fill it in on the customer's page, then press Issue again."),
    "BR-10": _BUYER,
    "BR-11": _BUYER,
    "BR-57": gettext_lazy(
        "The address of delivery has no country: correct the address of the order, then press Issue again."
    ),
    "BR-16": gettext_lazy("It has no line: a document must say what was sold, or what is given back."),
    "BR-25": gettext_lazy("A line has no name: the product had none when it was sold."),
    "BR-27": gettext_lazy("The price of a line is below zero."),
    "BR-53": gettext_lazy(
        "The tax in the seller's currency is missing: add the rate under Billing > Exchange rates, then press Issue"
        " again."
    ),
    "BR-S-05": gettext_lazy(
        "A line is taxed at the standard rate (S), but its rate is 0 %: goods that are taxed at 0 % are Z, and exempt"
        " ones E. Correct the tax rate under E-commerce > Tax rates; this document must be replaced."
    ),
    "BR-S-09": gettext_lazy(
        "A tax differs by a whole unit of the currency or more from its rate times what it is charged on. Compare the"
        " tax of the lines with the rate; where they were rounded line by line, the document stays without XML."
    ),
    "BR-O-11": gettext_lazy("What is not subject to tax (O) stands beside what is, on one document."),
}
_KINDS: tuple[tuple[str, Promise], ...] = (
    (r"BR-(S|Z|E)-0[234]", _SELLER_TAX_ID),
    (
        r"BR-(AE|IC)-0[234]",
        gettext_lazy(
            "A reverse charge and a supply into another member state must name the tax ids of both sides: fill in the"
            " seller's under Settings > Seller and the buyer's on the customer's page, then press Issue again."
        ),
    ),
    (r"BR-G-0[234]", _SELLER_TAX_ID),
    (
        r"BR-O-0[234]",
        gettext_lazy("A document that is not subject to tax (O) names tax ids, which it must not."),
    ),
    (
        r"BR-(Z|E|AE|IC|G|O)-0[5679]",
        gettext_lazy(
            "A line of a category without tax (Z, E, AE, K, G or O) has a rate or a tax all the same: one of the two is"
            " wrong. Correct the tax rate under E-commerce > Tax rates; this document must be replaced."
        ),
    ),
    (
        r"BR-(E|AE|IC|G|O)-10",
        gettext_lazy(
            "It does not say why no tax is charged: write the reason beside the tax rate under E-commerce > Tax rates;"
            " this document must be replaced."
        ),
    ),
    (r"BR-(S|Z)-10", gettext_lazy("It says why no tax is charged, though the category (S or Z) is a taxed one.")),
    (
        r"BR-IC-1[12]",
        gettext_lazy(
            "A supply into another member state must name day and country of the delivery: correct the address of the"
            " order, then press Issue again."
        ),
    ),
    (r"BR-CO-1[0-6]|BR-[A-Z]+-0[18]|BR-CO-18", _SUMS),
    (r"BR-CO-17", _WORDS["BR-S-09"]),
    (r"BR-DEC-.*", gettext_lazy("An amount has more than two decimals, which the standard does not allow.")),
    (r"BR-CL-.*", _CODE),
    (r"BR-0[1-5]", gettext_lazy("Its number, date, kind or currency is missing.")),
    (
        r"XSD|XML",
        gettext_lazy("It is not written as the standard's schema wants it: a field is missing or is in a wrong form."),
    ),
)


def words_of(rule: str, text: str) -> str:
    """Return what to do about a broken rule; `text` is the rule's own."""
    known = _WORDS.get(rule) or next((words for kind, words in _KINDS if re.fullmatch(kind, rule)), None)
    if known or text.startswith("Value of "):
        return str(known or _CODE)
    return _("It breaks a rule of the standard for electronic invoices: %(text)s") % {"text": text}
