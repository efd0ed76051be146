"""The pages of the storefront. They know nothing of who looks at them: the browser asks the API."""

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


def policy() -> str:
    """Say what a page may load: ours, and Stripe's script with its frames; nothing written into the page itself."""
    script = "{0.scheme}://{0.netloc}".format(urlsplit(settings.STRIPE_JS_URL))
    return (
        f"default-src 'self'; script-src 'self' {script}; frame-src {script} https://hooks.stripe.com; "
        f"connect-src 'self' {STRIPE_API}; img-src 'self' https: data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class Page(TemplateView):
    """A page that any browser may keep for a moment: it holds nothing of anybody."""

    title = _("Shop")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Add what the page may load."""
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = policy()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Name the page, and Stripe's script."""
        stripe = {"js": settings.STRIPE_JS_URL, "key": settings.STRIPE_PUBLISHABLE_KEY}
        exponents = {code: money.currency(code).exponent for code, _name in money.supported()}
        known = {"title": self.title, "stripe": stripe, "exponents": exponents}
        return super().get_context_data(**known, **kwargs)


class Products(Page):
    """What is on sale."""

    template_name = "shop/products.html"
    title = _("Products")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the catalogue."""
        return super().get_context_data(products=Product.objects.on_sale(), **kwargs)


class Checkout(Page):
    """Whereto, and with which card."""

    template_name = "shop/checkout.html"
    title = _("Checkout")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Name the countries."""
        return super().get_context_data(countries=country_choices(), **kwargs)
