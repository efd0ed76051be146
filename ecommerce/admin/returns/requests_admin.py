"""The page of what customers ask for, with the page that asks before it is answered."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice import database_clock
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.enqueue import enqueue_on_commit
from backoffice.ids import parse_id
from customers.actors import actor
from ecommerce.admin.returns.requests import MAX_SHOWN, Inbox, PendingRequest, answer, money_back
from ecommerce.models import CustomerRequest, OrderAct
from ecommerce.orders.errors import OrderError
from ecommerce.tasks import execute_act

ANSWERED_SHOWN = 100


@admin.register(CustomerRequest)
class CustomerRequestAdmin(ReadOnlyAdmin):
    """No list of rows: one page over the requests of several models."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST" and request.POST.get("confirmed"):
            return self._answer(request)
        if request.method == "POST" or "act" in request.GET:
            return self._ask(request, request.POST or request.GET)
        inbox, now = Inbox(order_id=parse_id(request.GET.get("order", ""))), database_clock.now()
        rows = [_row(request, item, now) for item in inbox.all]
        answered = CustomerRequest.objects.exclude(status=CustomerRequest.Status.OPEN).select_related("order__customer")
        context = {
            "title": _("Requests of customers"),
            "rows": rows,
            "may_answer": any(row["may"] for row in rows),
            "bound": MAX_SHOWN,
            "of_order": inbox.order_id is not None,
            "answered": answered.order_by("-decided_at")[:ANSWERED_SHOWN],
        }
        return self.render(request, "list.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = CustomerRequest.objects.filter(pk=parse_id(object_id) or 0).first()
        order = f"?order={found.order_id}" if found else ""
        return HttpResponseRedirect(reverse("admin:ecommerce_customerrequest_changelist") + order)

    def _chosen(self, request: HttpRequest, values: Any) -> tuple[list[PendingRequest], bool]:
        approves = values.get("act") == "approve"
        chosen = Inbox().chosen(values.getlist("chosen"))
        able = [item for item in chosen if (item.approve if approves else item.decline)]
        if not all(request.user.has_perm(item.permission) for item in able):
            raise PermissionDenied
        return able, approves

    def _ask(self, request: HttpRequest, values: Any, *, error: str = "", words: str = "") -> HttpResponse:
        chosen, approves = self._chosen(request, values)
        if not chosen:
            messages.warning(request, _("Tick what you want to answer. What was answered meanwhile is not listed."))
            return self._back()
        money = money_back(chosen) if approves else ""
        context = {
            "title": _("Approve") if approves else _("Decline"),
            "approves": approves,
            "rows": [_row(request, item, database_clock.now()) for item in chosen],
            "button": _button(len(chosen), money, approves=approves),
            "money": money,
            "error": error,
            "words": words,
        }
        page = self.render(request, "answer.html", context)
        page.status_code = HTTPStatus.CONFLICT if error else HTTPStatus.OK
        return page

    def _answer(self, request: HttpRequest) -> HttpResponse:
        chosen, approves = self._chosen(request, request.POST)
        words = request.POST.get("answer", "").strip()[:2000]
        if chosen and not approves and not words:
            return self._ask(request, request.POST, error=_("Write the sentence: the customers read it."))
        if money_back(chosen) != request.POST.get("money", "") and approves:
            return self._ask(request, request.POST, error=_("The amount is another one now."), words=words)
        done = 0
        for item in chosen:
            try:
                answer(item, approves=approves, words=words, by=actor(request), at=database_clock.now())
            except OrderError as error:
                messages.error(request, error.message)
            else:
                done += 1
                self._execute(item)
        if done:
            sentence = ngettext("%(n)d request is answered.", "%(n)d requests are answered.", done)
            messages.success(request, sentence % {"n": done})
        return self._back()

    @staticmethod
    def _execute(item: PendingRequest) -> None:
        for act in OrderAct.objects.filter(order=item.order, closed_at=None, refund__isnull=False):
            enqueue_on_commit(execute_act, act_id=act.pk)

    @staticmethod
    def _back() -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:ecommerce_customerrequest_changelist"))

    def render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/ecommerce/customerrequest/{template}", {**base, **context})


def _row(request: HttpRequest, item: PendingRequest, now: Any) -> dict[str, Any]:
    may = request.user.has_perm(item.permission)
    return {
        "item": item,
        "late": item.is_late(now),
        "may": may and item.approve is not None,
        "may_decline": may and item.decline is not None,
    }


def _button(count: int, money: str, *, approves: bool) -> str:
    if not approves:
        return ngettext("Decline %(n)d request", "Decline %(n)d requests", count) % {"n": count}
    if money:
        sentence = ngettext(
            "Approve %(n)d request, refund %(money)s", "Approve %(n)d requests, refund %(money)s", count
        )
        return sentence % {"n": count, "money": money}
    return ngettext("Approve %(n)d request", "Approve %(n)d requests", count) % {"n": count}
