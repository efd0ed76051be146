"""The storefront's addresses."""

from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ecommerce.shop.pages import Checkout, Page, Products


def page(address: str, name: str, title: str | Promise) -> URLPattern:
    """Give the address of a page that the browser fills."""
    template = f"shop/{name.replace('-', '_')}.html"
    return path(address, Page.as_view(template_name=template, title=title), name=name)


app_name = "shop"
urlpatterns = [
    path("", Products.as_view(), name="products"),
    path("checkout/", Checkout.as_view(), name="checkout"),
    page("basket/", "basket", _("Basket")),
    page("sign-in/", "sign-in", _("Sign in")),
    page("password/", "password", _("New password")),
    page("confirm/", "confirm", _("Confirm your e-mail")),
    page("orders/", "orders", _("My orders")),
    page("orders/<str:number>/", "order", _("Order")),
    page("account/", "account", _("Account")),
]
