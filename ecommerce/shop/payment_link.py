"""The page of a payment link: its holder pays one order by card, without signing in."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from backoffice import database_clock
from backoffice.content_security import allow_stripe
from billing.models import Seller
from customers.actors import Actor, ActorKind
from customers.client_address import counted_address
from customers.models import Customer
from ecommerce.models import PaymentLink
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import confirm, pay_by_link
from ecommerce.shop.payment_page import payment_page, sentence_for_customer

MAX_DIGITS = 16
NAMELESS = "Pelcro Shop"  # until the seller is filled in
REFUSED, TOO_MANY, GONE = 409, 429, 410
HEADERS = {
    # The address lets in: it stays out of caches, of search engines, and of what other sites are told.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


# No cookie lets in, so that a form of another site can do nothing here that its owner could not do without it.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@allow_stripe
def payment_link_view(request: HttpRequest, token: str) -> HttpResponse:
    link = PaymentLink.objects.of_token(token)
    if link is None:
        raise Http404
    response = _post(request, link) if request.method == "POST" else _render(request, link)
    for name, value in HEADERS.items():
        response[name] = value
    return response


payment_link_view.takes_form = True  # type: ignore[attr-defined]


def _post(request: HttpRequest, link: PaymentLink) -> HttpResponse:
    at = database_clock.now()
    try:
        if request.POST.get("act") == "confirm":
            order = confirm(order_id=link.order_id, at=at)
        else:
            order = pay_by_link(
                link=link,
                token=request.POST.get("gateway_token", ""),
                expected_total=_expected_total(request),
                by=_holder(link, request),
                at=at,
            )
    except OrderError as error:
        return _render(request, PaymentLink.objects.select_related("order").get(pk=link.pk), error)
    # The bank's page opens by itself right after a card was given, and by a button whenever this page is opened again.
    started = order.money_state == order.MoneyState.AUTHENTICATION_REQUIRED and request.POST.get("act") != "confirm"
    response = HttpResponseRedirect(f"{request.path}?authenticate" if started else request.path)
    response.status_code = 303
    return response


def _expected_total(request: HttpRequest) -> int:
    # The total that the button named: without one, the holder has agreed to none.
    text = request.POST.get("expected_total", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS else 0


def _holder(link: PaymentLink, request: HttpRequest) -> Actor:
    """The customer, as far as anybody knows: nobody has signed in."""
    label = _("%(customer)s, by payment link") % {"customer": link.order.customer}
    return Actor(kind=ActorKind.CUSTOMER, label=label, address=counted_address(request))


def _render(request: HttpRequest, link: PaymentLink, error: OrderError | None = None) -> HttpResponse:
    page = payment_page(link, at=database_clock.now())
    seller = Seller.objects.get(pk=1)
    context = {
        "page": page,
        "shop": seller.name or NAMELESS,
        "is_test": settings.IS_TEST_SHOP,
        "contact": [each for each in (seller.email, seller.phone) if each],
        "order": link.order,
        "email": _masked(link.order.customer),
        "problem": _problem(error, page.state),
        "stripe": {"js": settings.STRIPE_JS_URL, "key": settings.STRIPE_PUBLISHABLE_KEY},
    }
    response = render(request, "shop/payment_link.html", context, status=_status(error, page.state))
    if error and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _problem(error: OrderError | None, state: str) -> str:
    if error is None:
        return ""
    if state in {"pay", "authenticate"}:
        return sentence_for_customer(error)
    return _("Nothing was charged just now.")


def _status(error: OrderError | None, state: str) -> int:
    if error:
        return TOO_MANY if error.retry_after is not None else REFUSED
    return GONE if state in {"revoked", "replaced", "expired"} else 200


def _masked(customer: Customer) -> str:
    local, _at, domain = customer.email.rpartition("@")
    return f"{local[:1]}•••@{domain}"
