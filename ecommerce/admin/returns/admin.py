"""The admin of returns: the list, the page of one, its acts, and the slip that goes into the parcel."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.badges import badge
from backoffice.barcodes import barcode_svg
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.links import link
from ecommerce.admin.returns import display
from ecommerce.admin.returns.actions import ACTIONS, PERMISSION, action_links, action_view
from ecommerce.admin.returns.open_return import open_view
from ecommerce.admin.returns.search import exact_return, returns_matching
from ecommerce.admin.returns.slip import sender_lines, slip_pdf
from ecommerce.models import Return

Status = Return.Status


@admin.register(Return)
class ReturnAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("number", "order_link", "customer", "content", "reason", "state", "waits_for", "requested")
    list_display_links = ("number",)
    list_select_related = ("order__customer",)
    search_fields = ("number",)
    search_help_text = gettext_lazy("Scan or type a return's number (RMA-…), or an order, e-mail or name")
    empty_text = gettext_lazy("A return begins on the page of an order that was sent, or when a customer asks for one.")
    tabs = (
        Tab(gettext_lazy("All")),
        *(
            Tab(status.label, Q(status=status), (("status__exact", status.value),))
            for status in (Status.REQUESTED, Status.APPROVED, Status.RECEIVED, Status.CLOSED)
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Return]:
        returns: QuerySet[Return] = super().get_queryset(request)
        return returns.prefetch_related("items__item", "acts")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        acts = [
            path(
                f"<int:return_id>/{action.name}/",
                wrap(partial(action_view, self, action=action)),
                name=f"ecommerce_return_{action.name}",
            )
            for action in ACTIONS
        ]
        return [
            path("open/<int:order_id>/", wrap(partial(open_view, self)), name="ecommerce_return_open"),
            path("<int:return_id>/slip/", wrap(self.slip_view), name="ecommerce_return_slip"),
            path("<int:return_id>/slip.pdf", wrap(self.slip_pdf_view), name="ecommerce_return_slip_pdf"),
            *acts,
            *super().get_urls(),
        ]

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return returns_matching(queryset, text)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # What a scanner types opens at once what is to be done with the parcel.
        found = exact_return(request.GET.get("q", "")) if self.has_view_permission(request) else None
        if found:
            receives = found.status == Status.APPROVED and request.user.has_perm(PERMISSION)
            return HttpResponseRedirect(
                reverse(f"admin:ecommerce_return_{'receive' if receives else 'change'}", args=[found.pk])
            )
        beside = {"beside": {"link": reverse("admin:ecommerce_reason_changelist"), "title": _("Reasons")}}
        return super().changelist_view(request, {**beside, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        order_return = self._read(request, object_id)
        context = {
            "title": _("Return %(number)s") % {"number": order_return.number},
            "original": order_return,
            "order_return": order_return,
            "order": order_return.order,
            "status": display.status_badge(order_return),
            "deadline": display.deadline_badge(order_return),
            "next_step": display.next_step(order_return),
            "action_links": action_links(order_return, request.user),
            "rows": display.rows(order_return),
            "refunds": display.refunds(order_return),
            "facts": display.facts(order_return),
            "timeline": display.history(order_return),
        }
        return self.render(request, "detail.html", context)

    def slip_view(self, request: HttpRequest, return_id: int) -> HttpResponse:
        order_return = self._read(request, return_id)
        order = order_return.order
        context = {
            "title": _("Return slip %(number)s") % {"number": order_return.number},
            "original": order_return,
            "order_return": order_return,
            "order": order,
            "rows": display.rows(order_return),
            "address": sender_lines(order_return),
            "barcode": barcode_svg(order_return.number),
        }
        return self.render(request, "slip.html", context)

    def slip_pdf_view(self, request: HttpRequest, return_id: int) -> HttpResponse:
        return slip_pdf(request, self._read(request, return_id))

    def _read(self, request: HttpRequest, object_id: str | int) -> Return:
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        related = ("order__customer", "order__invoice")
        key = int(object_id) if str(object_id).isdigit() and len(str(object_id)) < 19 else 0  # noqa: PLR2004 - digits of the highest
        return get_object_or_404(Return.objects.select_related(*related).prefetch_related("acts"), pk=key)

    def render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/ecommerce/return/{template}", {**base, **context})

    @column(gettext_lazy("order"))
    def order_link(self, order_return: Return) -> SafeString:
        return link("ecommerce_order", order_return.order_id, order_return.order.number)

    @column(gettext_lazy("customer"))
    def customer(self, order_return: Return) -> str:
        customer = order_return.order.customer
        return str(customer.name or customer.email)

    @column(gettext_lazy("items"))
    def content(self, order_return: Return) -> str:
        first, *others = [f"{row.quantity} x {row.item.description}" for row in order_return.items.all()] or [""]
        return f"{first}, +{len(others)}" if others else first or "–"

    @column(gettext_lazy("status"))
    def state(self, order_return: Return) -> SafeString:
        return badge(order_return.status, order_return.get_status_display())

    @column(gettext_lazy("waits for"))
    def waits_for(self, order_return: Return) -> str:
        due = display.deadline_badge(order_return)
        return " · ".join(filter(None, [display.next_step(order_return), str(due.label) if due else ""])) or "–"

    @column(gettext_lazy("requested"))
    def requested(self, order_return: Return) -> SafeString | str:
        return moment(order_return.requested_at)
