"""How our words for taxes are Stripe's: categories of goods, tax ids, and reasons why something is taxed."""

from billing.tax_types import TaxId

SHIPPING_TAX_CODE = "txcd_92010001"
# https://docs.stripe.com/tax/tax-codes. Stripe knows no "reduced": which goods are depends on the country, so that the
# commonest of them stands for all. `Product.tax_category` is coarser than Stripe's codes.
TAX_CODES = {
    "standard": "txcd_99999999",  # tangible goods
    "reduced": "txcd_35010000",  # books
    "zero": "txcd_00000000",  # nontaxable
    "exempt": "txcd_00000000",
    "digital": "txcd_10000000",  # electronically supplied services
}
EU_PREFIXES = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT", "LU"),
        *("LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"),
    )
)
PREFIXED = {"GB": "gb_vat", "CHE": "ch_vat"}
# EN 16931's category of a tax by Stripe's reason for it; "K" and "G" are told apart from these by where goods go.
CATEGORIES = {
    "standard_rated": "S",
    "reduced_rated": "S",
    "proportionally_rated": "S",
    "portion_standard_rated": "S",
    "portion_reduced_rated": "S",
    "taxable_basis_reduced": "S",
    "zero_rated": "Z",
    "reverse_charge": "AE",
    "customer_exempt": "E",
    "product_exempt": "E",
    "product_exempt_holiday": "E",
    "portion_product_exempt": "E",
    "not_collecting": "O",
    "not_subject_to_tax": "O",
    "not_supported": "O",
}


def stripe_tax_id(text: str) -> TaxId | None:
    """Name a tax id with its country's prefix (DE136695976) as Stripe does; None for a kind that is not sent."""
    plain = "".join(text.upper().split()).replace("-", "").replace(".", "")
    if plain[:2] in EU_PREFIXES:
        return TaxId(type="eu_vat", value=plain)
    kind = next((kind for prefix, kind in PREFIXED.items() if plain.startswith(prefix)), None)
    if kind == "ch_vat":
        return TaxId(type=kind, value=f"CHE-{plain[3:6]}.{plain[6:9]}.{plain[9:12]} MWST")
    return TaxId(type=kind, value=plain) if kind else None
