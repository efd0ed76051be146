"""From a mass action to a job: the page that asks first, with counts, reasons and money, and what its button does."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.money import format_money
from customers.actors import Actor
from ecommerce.admin.bulk_jobs import mass_actions
from ecommerce.admin.bulk_jobs.display import doing, tell
from ecommerce.admin.orders.changelist import chips
from ecommerce.admin.orders.filters import TABS, ListQuery
from ecommerce.bulk_jobs.preview import Preview, preview
from ecommerce.bulk_jobs.selection import NewJob, SelectionChanged, start
from ecommerce.models import BulkJob
from ecommerce.models.order import OrderQuerySet
from ecommerce.tasks import enqueue_job

Action = BulkJob.Action
ACTIONS = {f"{action.value}_orders": action for action in Action}


def export(_admin: Any, request: HttpRequest, orders: OrderQuerySet) -> HttpResponse | None:
    """Export at once: nothing changes by it."""
    return _start(request, NewJob(action=Action.EXPORT, orders=orders, selection=selection(request)))


def ask_first(admin: Any, request: HttpRequest, orders: OrderQuerySet) -> HttpResponse | None:
    """Show what would happen, or start what was confirmed."""
    action = ACTIONS[request.POST["action"]]
    if request.POST.get("confirmed") != "1":
        return _page(admin, request, action, orders)
    try:
        return _start(request, _wanted(request, action, orders))
    except SelectionChanged:
        return _page(admin, request, action, orders, changed=True)


def _wanted(request: HttpRequest, action: Action, orders: OrderQuerySet) -> NewJob:
    return NewJob(
        action=action,
        orders=orders,
        selection=selection(request),
        reason=request.POST.get("reason", "").strip(),
        restock=action != Action.RETURN or "restock" in request.POST,
        expected=_confirmed(request, action, orders),
        confirmation=request.POST.get("confirmation", "")[:36],
    )


def _confirmed(request: HttpRequest, action: Action, orders: OrderQuerySet) -> int | None:
    """Give how many orders were confirmed; none where they were named one by one, and each is told of by the job."""
    if request.POST.get("select_across") != "1":
        return None
    seen = preview(action, orders)
    if (request.POST.get("count"), request.POST.get("sums")) != (str(seen.changes), sums(seen)):
        raise SelectionChanged
    return seen.total


def sums(seen: Preview) -> str:
    """Write the money of a preview as the form carries it."""
    return json.dumps(dict(sorted(seen.money.items())))


def _start(request: HttpRequest, wanted: NewJob) -> HttpResponse | None:
    by = Actor.staff(request.user)  # type: ignore[arg-type]  # nobody else gets past the permission
    try:
        job = start(new_job=wanted, by=by, at=timezone.now())
    except SelectionChanged:
        if wanted.expected is not None:
            raise
        messages.warning(request, _("No order is selected any more."))
        return None
    enqueue_job(job)
    told = tell(job)
    notice = _("{job} is running: {what}. Reload this page to see how far it is, or {open}.")
    link = format_html('<a class="underline" href="{}">{}</a>', told.url, _("open the job"))
    messages.info(request, format_html(notice, job=job, what=told.what, open=link))
    return None


def selection(request: HttpRequest) -> Mapping[str, Any]:
    """Say in words what was selected, and where."""
    asked = ListQuery.of(request.GET)
    if request.POST.get("select_across") != "1":
        count = len(set(request.POST.getlist("_selected_action")))
        words = ngettext("%(count)s ticked order", "%(count)s ticked orders", count) % {"count": f"{count:,}"}
        return {"words": words, "query": asked.link()}
    parts = [_("Tab %(tab)s") % {"tab": TABS[asked.tab]}]
    parts += [_("Search: %(text)s") % {"text": asked.text}] if asked.text else []
    parts += [f"{label}: {value}" for label, value, _link in chips(asked)]
    return {"words": _("All that matched: %(parts)s") % {"parts": "; ".join(map(str, parts))}, "query": asked.link()}


def _page(
    admin: Any, request: HttpRequest, action: Action, orders: OrderQuerySet, *, changed: bool = False
) -> HttpResponse:
    seen = preview(action, orders)
    across = request.POST.get("select_across") == "1"
    count = seen.changes + seen.waits
    context = {
        "title": capfirst(doing(action, count)),
        "seen": seen,
        "changed": changed,
        "action": action,
        "button": button(action, seen) if count else "",
        "money": [format_money(amount, currency) for currency, amount in sorted(seen.money.items())],
        "words": selection(request)["words"],
        "waits": _waits(seen.waits) if seen.waits else "",
        "skipped": f"{seen.total - count:,}",
        "keep": [("action", request.POST["action"]), ("select_across", "1" if across else "0"), ("confirmed", "1"),
                 ("count", seen.changes), ("sums", sums(seen)), ("confirmation", uuid.uuid4())],
        "ticked": [] if across else request.POST.getlist("_selected_action"),
        "reason": request.POST.get("reason", ""),
        "restock": "confirmed" not in request.POST or "restock" in request.POST,
        "back": request.get_full_path(),
    }  # fmt: skip
    page: HttpResponse = admin.page(request, "confirm.html", context)
    return page


def button(action: str, seen: Preview) -> str:
    """Write the button: what happens to how many, and the money that goes back."""
    what = capfirst(doing(action, seen.changes + seen.waits))
    money = [format_money(amount, currency) for currency, amount in sorted(seen.money.items())]
    return _("%(what)s, refund %(money)s") % {"what": what, "money": " + ".join(money)} if money else what


def _waits(count: int) -> str:
    return ngettext(
        "%(count)s waits for Stripe with something else, and is taken once that has ended.",
        "%(count)s wait for Stripe with something else, and are taken once that has ended.",
        count,
    ) % {"count": f"{count:,}"}


mass_actions.RUN.update({name: export if action == Action.EXPORT else ask_first for name, action in ACTIONS.items()})
