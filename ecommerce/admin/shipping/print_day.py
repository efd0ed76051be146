"""Print the day: what is to be packed and was not printed yet, on paper in one go."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice import database_clock
from customers.actors import actor
from ecommerce.admin.shipping.access import for_packers, render
from ecommerce.admin.shipping.slips import pick_list, printed_slips, with_contents
from ecommerce.mails.sender import read_sender
from ecommerce.models import Order, OrderTag, Printout, ShippingRate, Tag
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.orders.printing import (
    MOST,
    TooMany,
    changed_since_printed,
    changes_on_paper,
    changes_since,
    print_orders,
    to_pack,
)

LATEST = 10
SHOWN = 10  # sentences
DAYS = (datetime(1970, 1, 1).date(), datetime(2999, 12, 31).date())  # noqa: DTZ001 - the ends of the calendar


def _shipping_names() -> list[tuple[str, Any]]:
    names = ShippingRate.objects.order_by("name").values_list("name", flat=True).distinct()
    return [("", _("Any")), *((name, name) for name in names)]


class DayForm(forms.Form):
    use_required_attribute = False
    day = forms.DateField(
        label=gettext_lazy("Paid on"),
        required=False,
        validators=[MinValueValidator(DAYS[0]), MaxValueValidator(DAYS[1])],
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
    )
    shipping = forms.ChoiceField(
        label=gettext_lazy("Shipping method"),
        required=False,
        choices=_shipping_names,
        widget=UnfoldAdminSelectWidget(),
    )

    tag = forms.ModelChoiceField(
        label=gettext_lazy("Tag"),
        required=False,
        empty_label=gettext_lazy("Any"),
        queryset=Tag.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget(),
    )

    def orders(self) -> OrderQuerySet:
        chosen = self.cleaned_data
        orders = to_pack().filter(printout=None)
        if chosen.get("day"):
            start = timezone.make_aware(datetime.combine(chosen["day"], time.min))
            orders = orders.filter(paid_at__gte=start, paid_at__lt=start + timedelta(days=1))
        if chosen.get("tag"):
            orders = orders.filter(pk__in=OrderTag.objects.filter(tag=chosen["tag"]).values("order"))
        if chosen.get("shipping"):
            orders = orders.filter(shipping_name=chosen["shipping"])
        return orders


@for_packers
def print_day_view(request: HttpRequest) -> HttpResponse:
    posted = request.method == "POST"
    form = DayForm(request.POST if posted else request.GET)
    changed = changed_since_printed(at=database_clock.now())
    ids = list(form.orders().order_by("pk").values_list("pk", flat=True)[: MOST + 1]) if form.is_valid() else []
    if posted and form.is_valid():
        again = "again" in request.POST
        return print_selected(request, Order.objects.with_ids([each.pk for each in changed] if again else ids[:MOST]))
    words = changes_since(changed)
    context = {
        "title": _("Print the day"),
        "form": form,
        "zone": timezone.get_current_timezone_name(),
        "count": min(len(ids), MOST),
        "more": len(ids) > MOST,
        "filtered": any(form.cleaned_data.values()) if form.is_valid() else False,
        "changed": [(order, words.get(order.pk, "")) for order in changed],
        "waiting": _waiting(),
        "latest": Printout.objects.order_by("-pk")[:LATEST],
    }
    return render(request, "print_day.html", context)


def _waiting() -> list[tuple[str, str]]:
    """Return what is not printed, with a link to it, where there is some."""
    paid, address = Order.objects.paid(), reverse("admin:ecommerce_order_changelist")
    lines = []
    if held := paid.filter(on_hold=True)[: MOST + 1].count():
        lines.append((_("%(count)s on hold") % {"count": held}, f"{address}?status__exact=paid&on_hold=1"))
    if troubled := paid.needing_attention()[: MOST + 1].count():
        words = ngettext("%(count)d needs attention", "%(count)d need attention", troubled)
        lines.append((words % {"count": troubled}, f"{address}?attention=1"))
    return lines


def print_selected(request: HttpRequest, orders: OrderQuerySet) -> HttpResponse:
    """Print these orders; lead to the printout, or back to where nothing could be printed."""
    prices = "prices" in request.POST
    back = redirect(request.get_full_path())
    try:
        printed = print_orders(orders=orders, prices=prices, by=actor(request), at=database_clock.now())
    except TooMany:
        messages.warning(request, _("Choose %(most)d orders at most: one printout holds no more.") % {"most": MOST})
        return back
    _tell(request, printed.left_out)
    if printed.printout is None:
        messages.warning(request, _("Nothing was printed."))
        return back
    return redirect("warehouse:printout", printed.printout.pk)


def _tell(request: HttpRequest, left_out: Sequence[str]) -> None:
    if not left_out:
        return
    shown = list(left_out[:SHOWN])
    if len(left_out) > SHOWN:
        shown.append(_("And %(count)d more.") % {"count": len(left_out) - SHOWN})
    messages.warning(request, _("Not printed: %(orders)s") % {"orders": " ".join(shown)})


@for_packers
def printout_view(request: HttpRequest, printout_id: int) -> HttpResponse:
    printout = get_object_or_404(Printout, pk=printout_id)
    orders = with_contents(Order.objects.with_ids(printout.order_ids))
    changes = changes_on_paper(orders)
    picking = request.GET.get("what") == "pick"
    context = {
        "title": _("Pick list") if picking else _("Packing slips"),
        "printout": printout,
        "picking": picking,
        "picks": pick_list(orders) if picking else [],
        "slips": [] if picking else printed_slips(orders, changes),
        "prices": "prices" in request.GET if "shown" in request.GET else printout.prices,
        "changed": [(order, changes[order.pk]) for order in orders if order.pk in changes],
        "order_count": len(orders),
    }
    return render(request, "printout.html", context | {"seller": read_sender().name})
