"""The page that asks before an act is done, and the answer to its button."""

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.money import format_money
from billing.tasks import enqueue_on_commit
from customers.actors import Actor
from customers.models import User
from ecommerce.admin.display import status_badge
from ecommerce.admin.orders.action_forms import ActForm
from ecommerce.admin.orders.actions import OfferedAct, possible
from ecommerce.admin.orders.timeline import last_words
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act

CONFLICT = 409


def act_page(admin: Any, request: HttpRequest, order_id: int, act: OfferedAct) -> HttpResponse:
    """Ask, or do what was confirmed."""
    if not (admin.has_view_permission(request) and act.allowed(request.user)):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.select_related("customer", "invoice"), pk=order_id)
    if request.method == "POST":
        return _posted(admin, request, act, act.form(order, request.POST))
    if act.name not in possible(order):
        told = {"act": act.label, "number": order.number, "last": last_words(order)}
        messages.warning(request, _("%(act)s is not possible for order %(number)s now. Last: %(last)s") % told)
        return _back(order)
    # What was typed stands in the address, so that Back and a reload show the question again, and send nothing.
    return _ask(admin, request, act, act.form(order, request.GET if "confirmed" in request.GET else None))


def _posted(admin: Any, request: HttpRequest, act: OfferedAct, form: ActForm) -> HttpResponse:
    if not form.is_valid():
        return _ask(admin, request, act, form)
    try:
        # Where the act is not possible any more, it says itself why, or joins what was begun by the first press.
        if act.name in possible(form.order) and act.owed(form.order, form) != form.cleaned_data["confirmed"]:
            return HttpResponseRedirect(f"?{_typed(form)}")
        by = Actor.staff(cast(User, request.user))
        order = act.do(order_id=form.order.pk, by=by, at=timezone.now(), **form.wanted)
    except OrderError as refused:
        form.add_error(None, refused.message)
        return _ask(admin, request, act, form, status=CONFLICT)
    _tell(request, act, order)
    return _back(order)


def _typed(form: ActForm) -> str:
    """Write what the form was sent with as a query string."""
    return urlencode({name: form.data[name] for name in form.fields if name in form.data})


def _ask(admin: Any, request: HttpRequest, act: OfferedAct, form: ActForm, *, status: int = 200) -> HttpResponse:
    order = form.order
    owed = _owed(act, form)
    money = format_money(owed, order.currency) if owed else ""
    context = {
        "title": act.label,
        "original": order,
        "order": order,
        "status": status_badge(order),
        "act": act,
        "form": form,
        "possible": act.name in possible(order),
        "sentence": act.sentence(order, money),
        "button": act.button_for(order, owed),
        "owed": "" if owed is None else owed,
        "step": "get" if act.asks_amount and owed is None else "post",
        "changed": _changed(form, owed),
    }
    page: HttpResponse = admin.page(request, "act.html", context)
    page.status_code = status
    return page


def _owed(act: OfferedAct, form: ActForm) -> int | None:
    try:
        return act.owed(form.order, form)
    except OrderError:  # said on the form already
        return None


def _changed(form: ActForm, owed: int | None) -> bool:
    """Tell whether another amount had been named before."""
    before = form.cleaned_data.get("confirmed") if form.is_bound and form.is_valid() else None
    return before is not None and before != owed


def _tell(request: HttpRequest, act: OfferedAct, order: Order) -> None:
    waiting = open_act(order)
    if waiting:
        enqueue_on_commit(execute_act, act_id=waiting.pk)
        state = order.get_money_state_display()
        told = {"number": order.number, "state": state}
        messages.info(request, _("Order %(number)s: %(state)s. This page shows when Stripe has answered.") % told)
    else:
        messages.success(request, str(act.done) % {"number": order.number})


def _back(order: Order) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:ecommerce_order_change", args=[order.pk]))
