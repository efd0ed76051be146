"""The seller's page, whose tax id the rules of taxes read as well."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.admin.seller import SellerAdmin
from billing.models import Seller
from ecommerce.models import ShopSettings


@admin.register(Seller)
class ShopSellerAdmin(SellerAdmin):
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if "tax_id" in form.changed_data:
            ShopSettings.objects.filter(pk=1).update(tax_id=obj.tax_id)
