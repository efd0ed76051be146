"""The warehouse's papers as PDF: a printout, the slip of one parcel, the slip of a return."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from backoffice import database_clock
from backoffice.barcodes import barcode
from backoffice.pdf import compile_parts
from customers.actors import actor
from ecommerce.admin.display import format_time
from ecommerce.admin.shipping.access import for_packers
from ecommerce.admin.shipping.slips import Pick, Slip, SlipLine, pick_list, printed_slips, slips_of, with_contents
from ecommerce.mails.sender import read_sender
from ecommerce.models import Fulfillment, Order, Printout
from ecommerce.orders.printing import changes_on_paper

SLIPS_AT_ONCE = 50  # of 500: keeps the memory of all of them below that of a hundred


def shared(*, at: datetime, by: str) -> dict[str, Any]:
    """Return what each paper says: whose it is, and when and by whom it was printed."""
    return {
        "seller": read_sender().name,
        "language": (get_language() or "en").partition("-")[0],
        "mark": _("Printed %(when)s by %(who)s") % {"when": format_time(at), "who": by},
    }


def pdf_response(content: bytes, name: str) -> HttpResponse:
    """Answer with a file that the browser shows, and prints."""
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


@for_packers
def printout_pdf_view(request: HttpRequest, printout_id: int) -> HttpResponse:
    """Answer with the pick list and all slips, or with one of them."""
    printout = get_object_or_404(Printout, pk=printout_id)
    orders = with_contents(Order.objects.with_ids(printout.order_ids))
    changes = changes_on_paper(orders)
    what = request.GET.get("what", "")
    slips = [] if what == "pick" else printed_slips(orders, changes)
    data = shared(at=printout.at, by=printout.by_label) | {
        "title": str(printout),
        "prices": "prices" in request.GET if "shown" in request.GET else printout.prices,
        "picks": None if what == "slips" else _picks(orders, changes),
    }
    names = {"pick": "pick-list", "slips": "packing-slips"}
    return pdf_response(_printout(data, slips, at=printout.at), f"{names.get(what, 'printout')}-{printout.pk}")


@for_packers
def parcel_slip_view(request: HttpRequest, parcel_id: int) -> HttpResponse:
    """Answer with the packing slip of a parcel that was sent."""
    parcel = get_object_or_404(Fulfillment, pk=parcel_id, voided_at=None)
    (order,) = with_contents(Order.objects.filter(pk=parcel.order_id))
    slips = list(slips_of(order, [parcel.pk]))
    if not slips:
        raise Http404
    now = database_clock.now()
    data = shared(at=now, by=actor(request).label) | {
        "title": _("Packing slip of order %(number)s") % {"number": order.number},
        "prices": "prices" in request.GET,
        "picks": None,
    }
    return pdf_response(_printout(data, slips, at=now), f"packing-slip-{order.number}-{parcel.pk}")


def _printout(data: Mapping[str, Any], slips: Sequence[Slip], *, at: datetime) -> bytes:
    return compile_parts("printout.typ", _parts(data, slips), created_at=at)


def _parts(data: Mapping[str, Any], slips: Sequence[Slip]) -> Iterator[dict[str, Any]]:
    for first in range(0, max(len(slips), 1), SLIPS_AT_ONCE):
        some = [_slip(slip) for slip in slips[first : first + SLIPS_AT_ONCE]]
        yield {**data, "words": _words(), "picks": None if first else data["picks"], "slips": some}


def _words() -> dict[str, str]:
    return {
        "pick_list": _("Pick list"),
        "packing_slip": _("Packing slip"),
        "pieces": _("Pieces"),
        "code": _("Bin, SKU"),
        "description": _("Description"),
        "orders": _("Orders"),
        "price": _("Price"),
        "ship_to": _("Ship to"),
        "shipping": _("Shipping"),
        "instructions": _("Delivery instructions"),
        "sent_before": _("Sent before:"),
        "nothing_to_pick": _("Nothing is left to pick: all of these orders were sent."),
        "nothing_to_pack": _("Nothing is left of these orders to be packed."),
    }


def _picks(orders: Sequence[Order], changes: Mapping[int, str]) -> dict[str, Any]:
    count = len(orders)
    return {
        "orders": ngettext("%(count)d order", "%(count)d orders", count) % {"count": count},
        "changed": [_changed(order, changes[order.pk]) for order in orders if order.pk in changes],
        "rows": [_pick(pick) for pick in pick_list(orders)],
    }


def _changed(order: Order, what: str) -> str:
    return _("%(number)s changed since it was printed: %(what)s") % {"number": order.number, "what": what}


def _pick(pick: Pick) -> dict[str, Any]:
    return {
        "code": pick.code,
        "bin": pick.bin,
        "barcode": asdict(barcode(pick.code)),
        "description": pick.description,
        "quantity": pick.quantity,
        "orders": ", ".join(pick.orders),
    }


def _slip(slip: Slip) -> dict[str, Any]:
    order = slip.order
    words = ngettext("piece in this parcel", "pieces in this parcel", slip.units)
    return {
        "number": order.number,
        "details": "\n".join(filter(None, [_ordered(order), slip.parcel])),
        "barcode": asdict(barcode(order.number)),
        "changed": slip.changed,
        "address": list(slip.address) or [_("No address")],
        "shipping": order.shipping_name,
        "instructions": slip.instructions,
        "lines": [_line(line) for line in slip.lines],
        "units": slip.units,
        "units_words": words,
        "sent_before": slip.sent_before,
    }


def _ordered(order: Order) -> str:
    values = {"number": order.number, "day": timezone.localdate(order.created_at)}
    return _("Order %(number)s, %(day)s") % values


def _line(line: SlipLine) -> dict[str, Any]:
    return {
        "code": line.code,
        "bin": line.bin,
        "description": line.description,
        "quantity": line.quantity,
        "price": line.unit_price,
    }
