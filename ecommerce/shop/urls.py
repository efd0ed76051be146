"""The storefront's addresses."""

from django.urls import path

from ecommerce.shop import pages

app_name = "shop"
urlpatterns = [
    path("", pages.Products.as_view(), name="products"),
    path("basket/", pages.Basket.as_view(), name="basket"),
    path("checkout/", pages.Checkout.as_view(), name="checkout"),
    path("sign-in/", pages.SignIn.as_view(), name="sign-in"),
    path("password/", pages.Password.as_view(), name="password"),
    path("confirm/", pages.Confirm.as_view(), name="confirm"),
    path("orders/", pages.Orders.as_view(), name="orders"),
    path("orders/<str:number>/", pages.Order.as_view(), name="order"),
    path("account/", pages.Account.as_view(), name="account"),
]
