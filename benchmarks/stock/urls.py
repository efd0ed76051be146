"""The URLs of the stock admin."""

from django.urls import path

from benchmarks.stock.admin import stock_site

urlpatterns = [path("admin/", stock_site().urls)]
