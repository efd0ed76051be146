"""The confirmation page of an order action: shows the form, runs the action, redirects to the order."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import database_clock, kept_forms
from backoffice.enqueue import enqueue_on_commit
from backoffice.list_filters import NAME, with_list_filters
from billing.money import format_money
from customers.actors import actor
from customers.mail.notify import notifying
from ecommerce.admin.display import status_badge
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.admin.orders.actions import available_action_names, full_refund_links
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.admin.orders.timeline import describe_last_event
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError, needs_attention, on_hold
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act


def action_view(admin: Any, request: HttpRequest, order_id: int, action: OrderAction) -> HttpResponse:
    if not (admin.has_view_permission(request) and action.has_permission(request.user)):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.select_related("customer", "invoice"), pk=order_id)
    if request.method == "POST":
        return _handle_post(admin, request, action, action.form_class(order, request.POST))
    if action.name not in available_action_names(order):
        messages.warning(request, _why_not_possible(order, action))
        return _redirect_to(request, order)
    # The input is in the query string, so that Back and a reload show the question again, and send nothing.
    typed = kept_forms.take(request) or (request.GET if "confirmed" in request.GET else None)
    form = action.form_class(order, typed)
    form.opened_with(request.GET)
    return _render(admin, request, action, form)


def _why_not_possible(order: Order, action: OrderAction) -> str:
    if action.name == "fulfill" and "fulfill_anyway" in available_action_names(order):
        return needs_attention(order).message
    if action.name == "fulfill" and order.on_hold:
        return on_hold(order).message
    values = {"act": action.label, "number": order.number, "last": describe_last_event(order)}
    return _("%(act)s is not possible for order %(number)s now. Last: %(last)s") % values


def _handle_post(admin: Any, request: HttpRequest, action: OrderAction, form: ActionForm) -> HttpResponse:
    if not form.is_valid() or form.is_changing:
        return _render(admin, request, action, form)
    try:
        if _is_another_amount(action, form):
            return HttpResponseRedirect(f"?{_query_string(request, form)}")
        with notifying(_notifies(action, form)):
            order = action.run(order_id=form.order.pk, by=actor(request), at=database_clock.now(), **form.arguments)
    except OrderError as error:
        form.add_error(None, error.message)
        return _render(admin, request, action, form, status=HTTPStatus.CONFLICT)
    _add_message(request, action, order)
    return _redirect_to(request, order)


def _is_another_amount(action: OrderAction, form: ActionForm) -> bool:
    # Where the action is not available any more, or something was refunded meanwhile, `run` says why, or joins the act
    # of the first press.
    if action.name not in available_action_names(form.order):
        return False
    amount = action.amount(form.order, form)
    return amount != form.cleaned_data["confirmed"] and not (action.asks_amount and amount is None)


def _notifies(action: OrderAction, form: ActionForm) -> bool:
    """Whether the customer gets a mail: the box is ticked when the page opens."""
    return not action.mails or not form.is_bound or "notify" in form.data


def _query_string(request: HttpRequest, form: ActionForm) -> str:
    typed = {name: form.data[name] for name in (*form.fields, "notify") if name in form.data}
    kept = {NAME: request.GET[NAME]} if NAME in request.GET else {}
    return urlencode(typed | kept)


def _render(
    admin: Any, request: HttpRequest, action: OrderAction, form: ActionForm, *, status: int = 200
) -> HttpResponse:
    order = form.order
    amount = _amount(action, form)
    money = format_money(amount, order.currency) if amount else ""
    context = {
        "title": action.label,
        "original": order,
        "order": order,
        "status": status_badge(order),
        "action": action,
        "form": form,
        "available": action.name in available_action_names(order),
        "description": action.description(order, money),
        "button": action.button_label(order, amount),
        "amount": "" if amount is None else amount,
        "notify": _notifies(action, form),
        "money": money,
        "list_filters": request.GET.get(NAME, ""),
        "method": "get" if action.asks_amount and amount is None else "post",
        "amount_changed": _amount_changed(form, amount),
        "instead": full_refund_links(order, request.user),
    }
    page: HttpResponse = admin.render(request, form.template, context)
    page.status_code = status
    return page


def _amount(action: OrderAction, form: ActionForm) -> int | None:
    try:
        return action.amount(form.order, form)
    except OrderError:  # shown by the form
        return None


def _amount_changed(form: ActionForm, amount: int | None) -> bool:
    confirmed = form.cleaned_data.get("confirmed") if form.is_bound and form.is_valid() else None
    return confirmed is not None and confirmed != amount


def _add_message(request: HttpRequest, action: OrderAction, order: Order) -> None:
    act = open_act(order)
    if act:
        enqueue_on_commit(execute_act, act_id=act.pk)
        state = order.get_money_state_display()
        values = {"number": order.number, "state": state}
        messages.info(request, _("Order %(number)s: %(state)s. This page shows when Stripe has answered.") % values)
    else:
        sentence = action.success_message(order) if callable(action.success_message) else action.success_message
        messages.success(request, str(sentence) % {"number": order.number})


def _redirect_to(request: HttpRequest, order: Order) -> HttpResponse:
    url = reverse("admin:ecommerce_order_change", args=[order.pk])
    return HttpResponseRedirect(with_list_filters(request, url))
