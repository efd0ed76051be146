"""Scan to pack: the slip, then each item, by scanner, camera or keyboard. Each scan is a post; a script only swaps."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from backoffice import database_clock
from backoffice.ids import parse_id
from customers.actors import actor
from ecommerce.admin.shipping.access import for_packers, render
from ecommerce.admin.shipping.slips import image_of, slips_of, with_contents
from ecommerce.mails.sender import read_sender
from ecommerce.models import Fulfillment, Order, Packing
from ecommerce.orders import packing
from ecommerce.orders.errors import OrderError
from ecommerce.orders.printing import changes_since
from ecommerce.shipping.carriers import CARRIERS, number_problem

ASKS = "packing_asks_number"  # in the session


@for_packers
def scan_view(request: HttpRequest) -> HttpResponse:
    """Wait for the barcode of a slip; after an order was sent, print its slip."""
    alarm = ""
    if request.method == "POST":
        request.session[ASKS] = "asks_number" in request.POST
        try:
            order = packing.find_order(request.POST.get("code", ""))
            packing.start(order_id=order.pk, by=actor(request))
        except OrderError as error:
            alarm = error.message
        else:
            return redirect("warehouse:packing", order.pk)
    context = {"title": _("Scan to pack"), "alarm": alarm, "asks_number": request.session.get(ASKS, False)}
    return render(request, "scan.html", {**context, **_sent(request), "sound": "stop" if alarm else ""})


def _sent(request: HttpRequest) -> dict[str, Any]:
    parcel = Fulfillment.objects.filter(pk=parse_id(request.GET.get("sent")) or 0, voided_at=None).first()
    if parcel is None or request.method == "POST":
        return {}
    (order,) = with_contents(Order.objects.filter(pk=parcel.order_id))
    slip = next((slip for slip in slips_of(order, [parcel.pk])), None)
    return {"sent": order, "parcel": parcel, "slip": slip}


@for_packers
def packing_view(request: HttpRequest, order_id: int) -> HttpResponse:
    get_object_or_404(Order, pk=order_id)
    sound = ""
    if request.method == "POST":
        try:
            answer = _act(request, order_id)
        except OrderError as error:
            return _page(request, order_id, refusal=error.message, sound="stop")
        if isinstance(answer, HttpResponse):
            return answer
        sound = answer
    return _page(request, order_id, sound=sound)


def _act(request: HttpRequest, order_id: int) -> HttpResponse | str:
    """Do what was posted; return where it leads, or the sound of what came of it."""
    by, posted = actor(request), request.POST
    if "aside" in posted:
        packing.put_aside(order_id=order_id)
        return _lead(request, "warehouse:scan")
    if "take_over" in posted:
        packing.take_over(order_id=order_id, by=by)
    elif "acknowledge" in posted:
        packing.acknowledge(order_id=order_id, by=by)
    elif "send" in posted:
        return _send(request, order_id)
    elif posted.get("code", "").strip():
        return _scan(request, order_id, posted["code"])
    return ""


def _scan(request: HttpRequest, order_id: int, code: str) -> HttpResponse | str:
    found = packing.scan(order_id=order_id, code=code, by=actor(request))
    if found.alarm:
        return "stop"
    items = Order.objects.get(pk=order_id).items.all()
    if not packing.is_complete(found, list(items)):
        return "good"
    # The last one sends it, unless a number is to be scanned first.
    return "done" if request.session.get(ASKS) else _send(request, order_id)


def _send(request: HttpRequest, order_id: int) -> HttpResponse:
    carrier, number = (request.POST.get(name, "") for name in ("carrier", "tracking_number"))
    problem = number_problem(carrier, number) if number and "sure" not in request.POST else ""
    if problem:
        return _page(request, order_id, refusal=problem, sound="stop", doubtful=True)
    order = packing.finish(
        order_id=order_id, carrier=carrier, tracking_number=number, by=actor(request), at=database_clock.now()
    )
    parcel = order.fulfillments.latest("pk")
    return _lead(request, "warehouse:scan", f"?sent={parcel.pk}")


def _lead(request: HttpRequest, name: str, query: str = "") -> HttpResponse:
    response = redirect(name)
    response["Location"] += query
    if request.headers.get("X-Fragment") == "packing":
        # A script can't see where a redirect leads.
        response.status_code, response["X-Location"] = 200, response["Location"]
        del response["Location"]
    return response


def _page(
    request: HttpRequest, order_id: int, *, refusal: str = "", sound: str = "", doubtful: bool = False
) -> HttpResponse:
    (order,) = with_contents(Order.objects.filter(pk=order_id))
    found = Packing.objects.filter(order=order_id).first()
    if found is None:
        messages.warning(request, refusal or _("Order %(number)s is not being packed.") % {"number": order.number})
        return _lead(request, "warehouse:scan")
    items = [item for item in order.items.all() if item.left_to_send]
    lines = [{"item": item, "counted": packing.counted(found, item), "image": image_of(item.sku)} for item in items]
    is_mine = found.by_user_id == request.user.pk
    context = {
        "title": _("Pack order %(number)s") % {"number": order.number},
        "order": order,
        "packing": found,
        "is_mine": is_mine,
        "lines": lines,
        "units": sum(item.left_to_send for item in items),
        "counted": sum(int(line["counted"]) for line in lines),  # type: ignore[call-overload]
        "complete": packing.is_complete(found, list(order.items.all())),
        "slip": next(slips_of(order), None),
        "seller": read_sender().name,
        "slip_changes": changes_since([order]).get(order.pk, ""),
        "refusal": refusal,
        "doubtful": doubtful,
        "typed": request.POST,
        "carriers": [carrier.name for carrier in CARRIERS],
        "sound": sound,
    }
    template = "packing.html" if request.headers.get("X-Fragment") == "packing" else "pack.html"
    return render(request, template, context)
