"""The slip of a return as PDF: the customer puts it into the parcel."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from backoffice import database_clock
from backoffice.barcodes import barcode
from backoffice.pdf import compile_pdf
from customers.actors import actor
from customers.postal_addresses import address_lines
from ecommerce.admin.display import format_time
from ecommerce.admin.returns import display
from ecommerce.admin.shipping.papers import pdf_response, shared
from ecommerce.models import Return


def slip_pdf(request: HttpRequest, order_return: Return) -> HttpResponse:
    now = database_clock.now()
    data = shared(at=now, by=actor(request).label) | {
        "title": _("Return slip %(number)s") % {"number": order_return.number},
        "number": order_return.number,
        "barcode": asdict(barcode(order_return.number)),
        "details": "\n".join(_details(order_return)),
        "address": sender_lines(order_return),
        "rows": [
            {"description": row.description, "code": row.code, "quantity": row.quantity}
            for row in display.rows(order_return)
        ],
        "words": {
            "return_slip": _("Return slip"),
            "hint": _("Put this slip into the parcel, or write the number of the return on it."),
            "from": _("From"),
            "description": _("Description"),
            "code": _("SKU"),
            "quantity": _("Quantity"),
        },
    }
    return pdf_response(compile_pdf("return_slip.typ", data, created_at=now), f"return-slip-{order_return.number}")


def sender_lines(order_return: Return) -> list[str]:
    """Return the address that the goods were sent to, or else who the customer is."""
    order = order_return.order
    lines = address_lines(order.shipping_address) if order.shipping_address else []
    return list(lines) or [str(order.customer.name or order.customer.email)]


def _details(order_return: Return) -> list[str]:
    lines = [
        _("Order %(number)s") % {"number": order_return.order.number},
        _("Requested %(when)s") % {"when": format_time(order_return.requested_at)},
    ]
    return [*lines, _("Reason: %(reason)s") % {"reason": order_return.reason}] if order_return.reason else lines
