"""Pages of the storefront. They hold nothing about the visitor: the browser calls the API."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from billing import money
from customers.countries import country_choices
from ecommerce.models import Product

STRIPE_API = "https://api.stripe.com"


def content_security_policy() -> str:
    """Allow our own files and Stripe's script with its frames; no inline scripts or styles."""
    script = "{0.scheme}://{0.netloc}".format(urlsplit(settings.STRIPE_JS_URL))
    return (
        f"default-src 'self'; script-src 'self' {script}; frame-src {script} https://hooks.stripe.com; "
        f"connect-src 'self' {STRIPE_API}; img-src 'self' https: data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class ShopView(TemplateView):
    title = _("Shop")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = content_security_policy()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        stripe = {"js": settings.STRIPE_JS_URL, "key": settings.STRIPE_PUBLISHABLE_KEY}
        exponents = {code: money.currency(code).exponent for code, _name in money.supported()}
        return super().get_context_data(title=self.title, stripe=stripe, exponents=exponents, **kwargs)


class ProductsView(ShopView):
    template_name = "shop/products.html"
    title = _("Products")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(products=Product.objects.on_sale(), **kwargs)


class CheckoutView(ShopView):
    template_name = "shop/checkout.html"
    title = _("Checkout")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(countries=country_choices(), **kwargs)
