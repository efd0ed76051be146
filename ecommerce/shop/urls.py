"""URLs of the storefront."""

from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ecommerce.shop.views import CheckoutView, ProductsView, ShopView


def page(route: str, name: str, title: str | Promise) -> URLPattern:
    template = f"shop/{name.replace('-', '_')}.html"
    return path(route, ShopView.as_view(template_name=template, title=title), name=name)


app_name = "shop"
urlpatterns = [
    path("", ProductsView.as_view(), name="products"),
    path("checkout/", CheckoutView.as_view(), name="checkout"),
    page("basket/", "basket", _("Basket")),
    page("sign-in/", "sign-in", _("Sign in")),
    page("password/", "password", _("New password")),
    page("confirm/", "confirm", _("Confirm your e-mail")),
    page("orders/", "orders", _("My orders")),
    page("orders/<str:number>/", "order", _("Order")),
    page("withdraw/", "withdraw", _("Withdraw from contract here")),
    page("account/", "account", _("Account")),
]
