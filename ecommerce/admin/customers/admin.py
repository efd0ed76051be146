"""Customers: registered here, since their page shows orders and invoices."""

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
from ecommerce.admin.customers.tabs import panels


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    """A customer as staff edit them."""

    class Meta:
        model = Customer
        fields = ("email", "first_name", "last_name", "phone")

    def clean_email(self) -> str:
        """Name the customer who has this e-mail already, whatever the case of its letters."""
        email: str = self.cleaned_data["email"]
        other = Customer.objects.with_email(email).exclude(pk=self.instance.pk).first()
        if other is not None:
            raise forms.ValidationError(_("%(customer)s has this e-mail already."), params={"customer": str(other)})
        return email


@admin.register(Customer)
class CustomerAdmin(CsvImportExport, StaffAdmin):
    """Customers, and on the page of each what they ordered, were billed, and pay with."""

    form = CustomerForm
    export_permission = "ecommerce.export_order"
    resource_classes = (CustomerResource,)
    list_display = ("who", "phone", "signs_in", "since")
    search_fields = ("email", "first_name", "last_name")
    empty_text = _("Customers appear when they sign up on the website, are added here, or are imported.")
    search_help_text = _("E-mail or name")
    inlines = (AddressInline,)
    fields = ("email", ("first_name", "last_name"), "phone", "signs_in", "stripe_customer_id", "since")
    readonly_fields = ("signs_in", "stripe_customer_id", "since")
    change_form_template = "ecommerce/customer_change_form.html"

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        """Keep every customer: orders and invoices name them."""
        return False

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        """Ask a new customer for no more than is known."""
        return self.fields if obj else ("email", ("first_name", "last_name"), "phone")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the tabs."""
        customer = self.get_object(request, object_id)
        shown = panels(request, customer) if customer and self.has_view_permission(request, customer) else []
        tabs = [
            {"title": _("Details"), "link": "", "inline": "general", "has_permission": True},
            *({"title": each.title, "link": "", "inline": each.slug, "has_permission": True} for each in shown),
        ]
        may_order = request.user.has_perm("ecommerce.add_order")
        context = {
            "panels": [each for each in shown if each.template],
            "tab_list": [{"models": [{"name": "customers.customer", "detail": True}], "items": tabs}],
            "new_order_link": f"{reverse('admin:ecommerce_order_add')}?customer={object_id}" if may_order else "",
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return page

    def response_post_save_change(self, request: HttpRequest, obj: Customer) -> HttpResponse:
        """Stay with the customer: what comes next is there."""
        page = reverse("admin:customers_customer_change", args=[obj.pk])
        return HttpResponseRedirect(f"{page}?address=new#addresses-group" if "_address" in request.POST else page)

    def response_post_save_add(self, request: HttpRequest, obj: Customer) -> HttpResponse:
        """Go on with the customer, where an address was asked for."""
        if "_address" in request.POST:
            return self.response_post_save_change(request, obj)
        page: HttpResponse = super().response_post_save_add(request, obj)
        return page

    @column(_("customer"), header=True)
    def who(self, customer: Customer) -> tuple[str, str]:
        """Give name and e-mail."""
        return (customer.name, customer.email) if customer.name else (customer.email, "")

    @column(_("signs in on the website"))
    def signs_in(self, customer: Customer) -> str:
        """Tell whether there is an account."""
        return yes_no(customer.user_id)

    @column(_("created"))
    def since(self, customer: Customer) -> SafeString | str:
        """Give when they were first known, with the zone."""
        return moment(customer.created_at)
