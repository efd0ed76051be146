"""From a mass action to a bulk job: the confirmation page with counts, reasons and money, and what its button does."""

import functools
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice import database_clock
from backoffice.ids import parse_id
from backoffice.writers import Format
from billing.money import format_money
from customers.actors import actor
from ecommerce.admin.bulk_jobs.display import describe_action
from ecommerce.admin.bulk_jobs.job_forms import JobForm, job_form
from ecommerce.admin.orders.filters import TABS, OrderListParams
from ecommerce.admin.orders.side_forms import suggested_tags
from ecommerce.bulk_jobs.permissions import FULFILL_ATTENTION
from ecommerce.bulk_jobs.preview import Preview, preview
from ecommerce.bulk_jobs.preview_organize import ORGANIZING
from ecommerce.bulk_jobs.selection import NewJob, SelectionChanged, start
from ecommerce.models import BulkJob
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.tasks import enqueue_job

Action = BulkJob.Action
SHOWN_ATTENTION = 20
HARMLESS = ORGANIZING | {Action.FULFILL, Action.INVOICES}
MAILS = frozenset({Action.FULFILL, Action.CANCEL, Action.RETURN})
MAILED_AT_FIRST = 50
"""Where a job is of more orders, nobody is mailed unless staff say so."""


def handle_mass_action(
    admin: Any,
    request: HttpRequest,
    action: BulkJob.Action,
    orders: OrderQuerySet,
    selection: Mapping[str, str] | None = None,
) -> HttpResponse | None:
    """Return the page that asks for confirmation, or None once a job was started; an export needs no confirmation.

    `selection` says what was selected, where that was not in the list of orders.
    """
    selection = selection or selection_of_orders(request)
    if action == Action.EXPORT:
        parameters = {"rows": "items"} if request.POST.get("action") == "export_items" else {}
        with_format = _with_format(request, selection)
        _start_job(request, NewJob(action=action, orders=orders, selection=with_format, parameters=parameters))
        return None
    if request.POST.get("confirmed") != "1":
        return _render(admin, request, action, orders, selection, job_form(action))
    form = job_form(action, request.POST, orders)
    if form is not None and not form.is_valid():
        return _render(admin, request, action, orders, selection, form)
    try:
        _start_job(request, _new_job(request, action, orders, selection, form))
    except SelectionChanged:
        return _render(admin, request, action, orders, selection, form, changed=True)
    return None


def ticked_ids(request: HttpRequest) -> list[int]:
    """Read the ticked rows: a field for each, or, from a script and the confirmation page, all in one."""
    return _read_ids((*request.POST.getlist("_selected_action"), *request.POST.get("ticked", "").split(",")))


@functools.lru_cache(maxsize=4)  # a request asks several times
def _read_ids(texts: tuple[str, ...]) -> list[int]:
    return sorted({pk for text in texts if (pk := parse_id(text)) is not None})


def _new_job(
    request: HttpRequest,
    action: BulkJob.Action,
    orders: OrderQuerySet,
    selection: Mapping[str, str],
    form: JobForm | None,
) -> NewJob:
    return NewJob(
        action=action,
        orders=orders,
        fulfill_despite_attention=_accepted(request, action, orders),
        selection=selection,
        reason=form.words if form else request.POST.get("reason", "").strip(),
        parameters=form.parameters if form else {},
        restock=action != Action.RETURN or "restock" in request.POST,
        notify=action in MAILS and "notify" in request.POST,
        expected=_confirmed_count(request, action, orders),
        confirmation=request.POST.get("confirmation", "")[:36],
    )


def _accepted(request: HttpRequest, action: BulkJob.Action, orders: OrderQuerySet) -> list[int]:
    """Return the orders that are fulfilled though they need attention: those that the page showed."""
    if action != Action.FULFILL or "despite_attention" not in request.POST or not _may_accept(request):
        return []
    troubled = preview(action, orders).attention
    if request.POST.get("attention") != _attention_digest(troubled):
        raise SelectionChanged
    return [pk for pk, _number, _why in troubled]


def _may_accept(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(FULFILL_ATTENTION))


def _attention_digest(troubled: list[tuple[int, str, str]]) -> str:
    return hashlib.sha256(json.dumps(troubled).encode()).hexdigest()


def _confirmed_count(request: HttpRequest, action: BulkJob.Action, orders: OrderQuerySet) -> int | None:
    """Return None where the orders were ticked one by one: the job then reports each of them."""
    if not is_select_across(request):
        return None
    current = preview(action, orders)
    if (request.POST.get("count"), request.POST.get("sums")) != (str(current.changes), _money_json(current)):
        raise SelectionChanged
    return current.total


def is_select_across(request: HttpRequest) -> bool:
    return request.POST.get("select_across") == "1"


def _money_json(current: Preview) -> str:
    return json.dumps(dict(sorted(current.money.items())))


def _start_job(request: HttpRequest, new_job: NewJob) -> None:
    try:
        job = start(new_job=new_job, by=actor(request), at=database_clock.now())
    except SelectionChanged:
        if new_job.expected is not None:
            raise
        messages.warning(request, _("No order is selected any more."))
        return
    # The banner of the list says how far it is; a message that it runs would stay when it is over.
    enqueue_job(job)


def _with_format(request: HttpRequest, selection: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        **selection,
        "format": Format.named(request.POST.get("format")).value,
        "zone": timezone.get_current_timezone_name(),
    }


def selection_of_orders(request: HttpRequest) -> Mapping[str, str]:
    """Describe the selection in words, with the query string of the list it was made on."""
    params = OrderListParams.from_query(request.GET)
    if not is_select_across(request):
        count = len(ticked_ids(request))
        words = ngettext("%(count)s ticked order", "%(count)s ticked orders", count) % {"count": f"{count:,}"}
        return {"words": words, "query": params.url()}
    parts = [_("Tab %(tab)s") % {"tab": TABS[params.tab]}]
    parts += [_("Search: %(text)s") % {"text": params.text}] if params.text else []
    parts += [f"{label}: {value}" for label, value, _url in params.active_filters()]
    return {"words": _("All that matched: %(parts)s") % {"parts": "; ".join(map(str, parts))}, "query": params.url()}


def _render(
    admin: Any,
    request: HttpRequest,
    action: BulkJob.Action,
    orders: OrderQuerySet,
    selection: Mapping[str, str],
    form: JobForm | None,
    *,
    changed: bool = False,
) -> HttpResponse:
    current = preview(action, orders)
    across = is_select_across(request)
    count = current.changes + current.waits
    may_accept = bool(current.attention) and _may_accept(request)
    money = [format_money(amount, currency) for currency, amount in sorted(current.money.items())]
    context = {
        "title": capfirst(describe_action(action, count)),
        "preview": current,
        "changed": changed,
        "action": action,
        "job_form": form,
        "known_tags": suggested_tags() if action == Action.TAG else (),
        "harmless": action in HARMLESS,
        "button": _button_label(action, count, money) if count or may_accept else "",
        "attention": current.attention[:SHOWN_ATTENTION],
        "more_attention": max(len(current.attention) - SHOWN_ATTENTION, 0),
        "accept_label": _describe_accepting(len(current.attention)) if may_accept else "",
        "money": money,
        "selection": selection["words"],
        "waits": _describe_waits(current.waits) if current.waits else "",
        "skipped": f"{current.total - count:,}",
        "hidden_fields": [("action", request.POST["action"]), ("select_across", "1" if across else "0"),
                          ("confirmed", "1"), ("count", current.changes), ("sums", _money_json(current)),
                          ("attention", _attention_digest(current.attention)),
                          ("confirmation", uuid.uuid4()),
                          ("ticked", "" if across else ",".join(map(str, ticked_ids(request))))],
        "selection_key": f"{request.user.pk}{selection['query']}",
        "reason": request.POST.get("reason", ""),
        "restock": "confirmed" not in request.POST or "restock" in request.POST,
        "list_url": request.get_full_path(),
        "may_notify": action in MAILS,
        "notify": _notifies(request, count),
    }  # fmt: skip
    page: HttpResponse = admin.render(request, "mass_action_confirmation.html", context)
    return page


def _notifies(request: HttpRequest, count: int) -> bool:
    return "notify" in request.POST if "confirmed" in request.POST else count <= MAILED_AT_FIRST


def _button_label(action: BulkJob.Action, count: int, money: list[str]) -> str:
    label = capfirst(describe_action(action, count)) if count else str(action.label)
    return _("%(what)s, refund %(money)s") % {"what": label, "money": " + ".join(money)} if money else label


def _describe_accepting(count: int) -> str:
    return ngettext(
        "Fulfill %(count)s order that needs attention all the same",
        "Fulfill %(count)s orders that need attention all the same",
        count,
    ) % {"count": f"{count:,}"}


def _describe_waits(count: int) -> str:
    return ngettext(
        "%(count)s waits for Stripe with something else, and is taken once that has ended.",
        "%(count)s wait for Stripe with something else, and are taken once that has ended.",
        count,
    ) % {"count": f"{count:,}"}
