"""The customer admin. It is in this app because the customer page shows orders and invoices."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.base_admin import StaffAdmin
from backoffice.columns import column, yes_no
from backoffice.csv_import_export import CsvImportExport
from backoffice.times import moment
from customers.models import Customer
from customers.resources import CustomerResource
from ecommerce.admin.customers.addresses import AddressInline
from ecommerce.admin.customers.tabs import build_panels


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Customer
        fields = ("email", "first_name", "last_name", "phone")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        other = Customer.objects.with_email(email).exclude(pk=self.instance.pk).first()
        if other is not None:
            raise forms.ValidationError(_("%(customer)s has this e-mail already."), params={"customer": str(other)})
        return email


@admin.register(Customer)
class CustomerAdmin(CsvImportExport, StaffAdmin):
    form = CustomerForm
    export_permission = "ecommerce.export_order"
    resource_classes = (CustomerResource,)
    list_display = ("name_and_email", "phone", "has_account", "created")
    search_fields = ("email", "first_name", "last_name")
    empty_text = _("Customers appear when they sign up on the website, are added here, or are imported.")
    search_help_text = _("E-mail, name, phone or address")
    inlines = (AddressInline,)
    fields = ("email", ("first_name", "last_name"), "phone", "has_account", "stripe_customer_id", "created")
    readonly_fields = ("has_account", "stripe_customer_id", "created")
    change_form_template = "admin/ecommerce/customer/change_form.html"

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # orders and invoices refer to them

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return self.fields if obj else ("email", ("first_name", "last_name"), "phone")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        customer = self.get_object(request, object_id)
        panels = build_panels(request, customer) if customer and self.has_view_permission(request, customer) else []
        tabs = [
            {"title": _("Details"), "link": "", "inline": "general", "has_permission": True},
            *({"title": each.title, "link": "", "inline": each.slug, "has_permission": True} for each in panels),
        ]
        can_order = request.user.has_perm("ecommerce.add_order")
        context = {
            "panels": [each for each in panels if each.template],
            "tab_list": [{"models": [{"name": "customers.customer", "detail": True}], "items": tabs}],
            "new_order_link": f"{reverse('admin:ecommerce_order_add')}?customer={object_id}" if can_order else "",
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return page

    def response_post_save_change(self, request: HttpRequest, obj: Customer) -> HttpResponse:
        page = reverse("admin:customers_customer_change", args=[obj.pk])
        return HttpResponseRedirect(f"{page}?address=new#addresses-group" if "_address" in request.POST else page)

    def response_post_save_add(self, request: HttpRequest, obj: Customer) -> HttpResponse:
        if "_address" in request.POST:
            return self.response_post_save_change(request, obj)
        page: HttpResponse = super().response_post_save_add(request, obj)
        return page

    @column(_("customer"), header=True)
    def name_and_email(self, customer: Customer) -> tuple[str, str]:
        return (customer.name, customer.email) if customer.name else (customer.email, "")

    @column(_("signs in on the website"))
    def has_account(self, customer: Customer) -> str:
        return yes_no(customer.user_id)

    @column(_("created"))
    def created(self, customer: Customer) -> SafeString | str:
        return moment(customer.created_at)
