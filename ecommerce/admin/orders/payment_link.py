"""The payment link on the order page: made or found and copied, shown with its end, revoked."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice import database_clock
from backoffice.list_filters import with_list_filters
from customers.actors import actor
from ecommerce.admin.display import format_time
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.models import Order, PaymentLink
from ecommerce.orders.errors import OrderError
from ecommerce.orders.payment_links import create_link, is_linkable, revoke_links, send_link, valid_link

PERMISSION = "ecommerce.add_order"  # as for "Pay with another card"


def payment_link_context(order: Order, user: Any) -> dict[str, Any]:
    if not (is_linkable(order) and user.has_perm(PERMISSION)):
        return {}
    return {"may_link": True, **_shown(valid_link(order, at=database_clock.now()))}


def _shown(link: PaymentLink | None) -> dict[str, Any]:
    if link is None:
        return {}
    return {"payment_link": link, "payment_link_ends": format_time(link.expires_at)}


def payment_link_url(admin: Any) -> URLPattern:
    def view(request: HttpRequest, order_id: int) -> HttpResponse:
        if not (admin.has_view_permission(request) and request.user.has_perm(PERMISSION)):
            raise PermissionDenied
        return _create(request, get_object_or_404(Order, pk=order_id))

    wrapped = admin.admin_site.admin_view(require_POST(view))
    url: URLPattern = path("<int:order_id>/payment-link/", wrapped, name="ecommerce_order_payment_link")
    return url


def _create(request: HttpRequest, order: Order) -> HttpResponse:
    page = with_list_filters(request, reverse("admin:ecommerce_order_change", args=[order.pk]))
    try:
        link = create_link(order_id=order.pk, by=actor(request), at=database_clock.now())
    except OrderError as error:
        messages.error(request, error.message)
        return redirect(page)
    # The page's script copies it at once; without it, the link stands on the page.
    if request.headers.get("X-Fragment") == "payment-link":
        context = {"order": order, "may_link": True, **_shown(link)}
        part = TemplateResponse(request, "admin/ecommerce/order/payment_link.html", context)
        patch_vary_headers(part, ["X-Fragment"])
        return part
    values = {"when": format_time(link.expires_at)}
    messages.success(request, _("The payment link stands below; it ends %(when)s.") % values)
    return redirect(page)


def _describe_mail(order: Order, _money: str) -> str:
    return _("%(email)s gets a mail with the payment link, by which the order is paid without signing in.") % {
        "email": order.customer.email
    }


SEND_LINK = OrderAction(
    name="send_payment_link",
    label=gettext_lazy("Send payment link"),
    permissions=(PERMISSION,),
    description=_describe_mail,
    button=gettext_lazy("Send it"),
    success_message=gettext_lazy("The payment link of order %(number)s is on its way to the customer."),
    run=send_link,
    is_linked=False,
)


def _describe_revocation(_order: Order, _money: str) -> str:
    return _("Whoever has the link can't pay with it any more. What was paid by it, or is being confirmed, stays.")


REVOKE_LINK = OrderAction(
    name="revoke_payment_link",
    label=gettext_lazy("Revoke the payment link"),
    permissions=(PERMISSION,),
    description=_describe_revocation,
    button=gettext_lazy("Revoke"),
    success_message=gettext_lazy("The payment link of order %(number)s pays nothing any more."),
    run=revoke_links,
    is_linked=False,
)
