"""What staff do with a return, as a table, and the page that asks before each."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice import database_clock, kept_forms
from backoffice.enqueue import enqueue_on_commit
from billing.money import format_money
from customers.actors import actor
from customers.mail.notify import notifying
from ecommerce.admin.returns import display
from ecommerce.admin.returns.close import CloseForm
from ecommerce.admin.returns.forms import ApproveForm, DeclineForm, ReceiveForm, ReturnForm
from ecommerce.customer_requests.returns import approve, decline
from ecommerce.models import Return
from ecommerce.orders.errors import OrderError
from ecommerce.orders.returns import cancel_return, close_return, receive_return
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act

PERMISSION = "ecommerce.handle_return"
Status = Return.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAction:
    """A button on the page of a return, possible in some statuses, with the page behind it."""

    name: str
    label: str | Promise
    description: str | Promise
    statuses: tuple[Status, ...]
    run: Callable[..., Return]
    success_message: str | Promise
    form_class: type[ReturnForm] = ReturnForm
    button_with_amount: str | Promise = ""
    danger: bool = False
    mails: bool = False

    def is_possible(self, order_return: Return) -> bool:
        return order_return.status in self.statuses

    def button(self, form: ReturnForm) -> str:
        if form.amount:
            money = format_money(form.amount, form.order_return.order.currency)
            return str(self.button_with_amount) % {"money": money}
        return str(self.label)


ACTIONS = (
    ReturnAction(
        name="approve",
        label=gettext_lazy("Approve"),
        description=gettext_lazy(
            "The customer may send it, and gets a mail with its number unless those mails are switched off."
        ),
        statuses=(Status.REQUESTED,),
        run=approve,
        success_message=gettext_lazy("Return %(number)s is approved."),
        form_class=ApproveForm,
    ),
    ReturnAction(
        name="receive",
        label=gettext_lazy("Receive"),
        description=gettext_lazy("Count what arrived. What is resellable goes back in stock, once."),
        statuses=(Status.APPROVED, Status.RECEIVED),
        run=receive_return,
        success_message=gettext_lazy("What arrived of return %(number)s is counted."),
        form_class=ReceiveForm,
    ),
    ReturnAction(
        name="close",
        label=gettext_lazy("Close"),
        description=gettext_lazy("Nothing more is expected of it. A refund has its credit note."),
        statuses=(Status.RECEIVED,),
        run=close_return,
        success_message=gettext_lazy("Return %(number)s is closed."),
        form_class=CloseForm,
        mails=True,
        button_with_amount=gettext_lazy("Close, refund %(money)s"),
    ),
    ReturnAction(
        name="decline",
        label=gettext_lazy("Decline"),
        description=gettext_lazy(
            "The order stays as it is. The customer gets a mail with your sentence, unless such mails are switched off."
        ),
        statuses=(Status.REQUESTED,),
        run=decline,
        success_message=gettext_lazy("Return %(number)s is declined."),
        form_class=DeclineForm,
        danger=True,
    ),
    ReturnAction(
        name="cancel",
        label=gettext_lazy("Cancel"),
        description=gettext_lazy("Nothing is expected to come back any more. Nobody gets a mail."),
        statuses=(Status.REQUESTED, Status.APPROVED),
        run=cancel_return,
        success_message=gettext_lazy("Return %(number)s is canceled."),
        danger=True,
    ),
)


def action_links(order_return: Return, user: Any) -> list[dict[str, Any]]:
    if not user.has_perm(PERMISSION) or order_return.is_refunding:
        return []
    return [
        {
            "label": action.label,
            "url": reverse(f"admin:ecommerce_return_{action.name}", args=[order_return.pk]),
            "danger": action.danger,
        }
        for action in ACTIONS
        if action.is_possible(order_return) and not (action.name == "receive" and _is_complete(order_return))
    ]


def _is_complete(order_return: Return) -> bool:
    return order_return.status == Status.RECEIVED and not order_return.items.filter(condition="missing").exists()


def action_view(admin: Any, request: HttpRequest, return_id: int, action: ReturnAction) -> HttpResponse:
    if not (admin.has_view_permission(request) and request.user.has_perm(PERMISSION)):
        raise PermissionDenied
    order_return = get_object_or_404(Return.objects.select_related("order__customer", "order__invoice"), pk=return_id)
    if not action.is_possible(order_return):
        status = order_return.get_status_display().lower()
        values = {"act": action.label, "number": order_return.number, "status": status}
        messages.warning(request, _("%(act)s is not possible: return %(number)s is %(status)s.") % values)
        return _redirect(order_return)
    if request.method == "POST":
        return _handle_post(admin, request, action, action.form_class(order_return, request.POST))
    typed = kept_forms.take(request) or (request.GET if "confirmed" in request.GET else None)
    return _render(admin, request, action, action.form_class(order_return, typed))


def _handle_post(admin: Any, request: HttpRequest, action: ReturnAction, form: ReturnForm) -> HttpResponse:
    if not form.is_valid():
        return _render(admin, request, action, form)
    if str(form.amount or "") != request.POST.get("confirmed", ""):
        shown = {name: form.data[name] for name in (*form.fields, "notify") if name in form.data}
        return HttpResponseRedirect(f"?{urlencode({**shown, 'confirmed': form.amount or ''})}")
    number = form.order_return.number
    try:
        with notifying(_notifies(action, form)):
            act = action.run(
                return_id=form.order_return.pk, by=actor(request), at=database_clock.now(), **form.arguments
            )
    except OrderError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _render(admin, request, action, form, status=HTTPStatus.CONFLICT)
    refund = open_act(act.order)
    if refund and refund.order_return_id == act.pk:
        enqueue_on_commit(execute_act, act_id=refund.pk)
        sentence = _("The refund of return %(number)s is sent to Stripe. It is closed once Stripe has said yes.")
        messages.info(request, sentence % {"number": number})
    else:
        messages.success(request, str(action.success_message) % {"number": number})
    return _redirect(form.order_return)


def _notifies(action: ReturnAction, form: ReturnForm) -> bool:
    """Whether the customer gets a mail of what the form says; the box is ticked when the page opens."""
    return not action.mails or "confirmed" not in form.data or "notify" in form.data


def _render(
    admin: Any, request: HttpRequest, action: ReturnAction, form: ReturnForm, *, status: int = 200
) -> HttpResponse:
    if form.is_bound:
        form.is_valid()
    context = {
        "title": f"{action.label}: {form.order_return.number}",
        "original": form.order_return,
        "order_return": form.order_return,
        "order": form.order_return.order,
        "status": display.status_badge(form.order_return),
        "deadline": display.deadline_badge(form.order_return),
        "action": action,
        "form": form,
        "button": action.button(form),
        "notify": _notifies(action, form),
    }
    page: HttpResponse = admin.render(request, form.template, context)
    page.status_code = status
    return page


def _redirect(order_return: Return) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:ecommerce_return_change", args=[order_return.pk]))
