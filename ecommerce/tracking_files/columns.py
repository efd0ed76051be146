"""Which column of a file holds what: guessed from the headers, and remembered by carrier."""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ecommerce.models import TrackingLayout

Columns = Mapping[str, str]  # headers by field
FIELDS: dict[str, str | Promise] = {
    "order": _("Order number"),
    "number": _("Tracking number"),
    "carrier": _("Carrier"),
    "sku": _("SKU"),
    "quantity": _("Quantity"),
}
REQUIRED = ("order", "number")
# Headers as carriers and shipping programs write them, without blanks and signs.
HEADERS = {
    "order": (
        *("order", "ordernumber", "orderno", "orderid", "ordername", "reference", "ref", "customerreference"),
        *("shipperreference", "reference1", "referencenumber", "bestellnummer", "auftragsnummer", "referenz"),
        *("sendungsreferenz", "referenznr", "numerocommande", "commande", "referencia", "pedido", "ordine"),
    ),
    "number": (
        *("trackingnumber", "trackingno", "tracking", "trackingid", "trackingcode", "trackandtrace", "awb"),
        *("waybill", "waybillnumber", "consignmentnumber", "shipmentnumber", "parcelnumber", "barcode"),
        *("sendungsnummer", "paketnummer", "paketscheinnummer", "numerodesuivi", "numerosuivi", "seguimiento"),
    ),
    "carrier": ("carrier", "carriername", "shippingcarrier", "courier", "service", "transporteur", "versender"),
    "sku": ("sku", "skucode", "itemsku", "productcode", "itemcode", "articlenumber", "artikelnummer", "item"),
    "quantity": ("quantity", "qty", "pieces", "units", "menge", "anzahl", "quantite", "cantidad"),
}


def plain(header: str) -> str:
    """Write a header without case, blanks and signs."""
    return "".join(char for char in header.casefold() if char.isalnum()).replace("é", "e").replace("ú", "u")


KNOWN = frozenset(header for headers in HEADERS.values() for header in headers)


def is_known(header: str) -> bool:
    """Whether carriers call a column that."""
    return plain(header) in KNOWN


def guess(headers: Sequence[str]) -> dict[str, str]:
    """Return headers by field, as far as they are known."""
    found: dict[str, str] = {}
    for field, names in HEADERS.items():
        by_name = {plain(header): header for header in reversed(headers) if header not in found.values()}
        match = next((by_name[name] for name in names if name in by_name), None)
        if match:
            found[field] = match
    return found


def remembered(carrier: str, headers: Sequence[str]) -> dict[str, str] | None:
    """Return the layout of the carrier's files, if this file has all of its columns."""
    layout = TrackingLayout.objects.filter(carrier__iexact=carrier).first()
    if layout is None or not set(layout.columns.values()) <= set(headers):
        return None
    return dict(layout.columns)


def remember(carrier: str, columns: Columns) -> None:
    """Keep the columns for the carrier's next files."""
    layout = TrackingLayout.objects.filter(carrier__iexact=carrier).first()
    if layout is None:
        TrackingLayout.objects.get_or_create(carrier=carrier, defaults={"columns": dict(columns)})
    else:
        TrackingLayout.objects.filter(pk=layout.pk).update(columns=dict(columns))
