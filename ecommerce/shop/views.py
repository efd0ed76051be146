"""Pages of the storefront. They hold nothing about the visitor: the browser calls the API."""

from typing import Any

from django.conf import settings
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from backoffice.content_security import allow_stripe
from billing import money
from customers.countries import country_choices
from ecommerce.models import Product


@method_decorator(allow_stripe, name="dispatch")
class ShopView(TemplateView):
    title = _("Shop")

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
