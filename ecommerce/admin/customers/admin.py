"""The customer admin. It is in this app because the customer page shows orders and invoices."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice import database_clock
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column, yes_no
from backoffice.times import moment
from customers.accounts import is_confirmed
from customers.actors import Actor, actor
from customers.change_email import EmailError, change_email, check_email
from customers.emails import normal_email
from customers.mail.attention import bounce_of
from customers.models import Address, Customer, Mail
from customers.postal_addresses import address_warnings
from customers.tax_ids import TaxId, WrongTaxId, check, columns
from ecommerce.admin.customers.addresses import AddressInline
from ecommerce.admin.customers.erase import erase_view
from ecommerce.admin.customers.tabs import build_panels
from ecommerce.admin.file_import import FileImportExport
from ecommerce.models import Erasure


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Customer
        fields = ("email", "first_name", "last_name", "phone", "tax_id", "tax_exempt", "tax_exempt_reason")
        help_texts = {
            "tax_id": _("Of a business, with its country's prefix, for example DE136695976 or FR40303265045."),
        }

    by: Actor
    checked_tax_id: TaxId

    def clean_email(self) -> str:
        email = normal_email(self.cleaned_data["email"])
        try:
            check_email(customer=self.instance, email=email, by=self.by)
        except EmailError as error:
            raise forms.ValidationError(str(error)) from error
        return email

    def clean_tax_id(self) -> str:
        try:
            self.checked_tax_id = check(self.cleaned_data["tax_id"])
        except WrongTaxId as error:
            raise forms.ValidationError(str(error)) from error
        return self.checked_tax_id.text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_exempt, reason = cleaned.get("tax_exempt"), cleaned.get("tax_exempt_reason")
        if is_exempt and not reason:
            self.add_error("tax_exempt_reason", _("Say why: invoices have to name the reason."))
        if reason and not is_exempt:
            self.add_error("tax_exempt_reason", _("Leave it empty, or tick exempt from tax."))
        return cleaned


def _bounce(request: HttpRequest, customer: Customer | None) -> Mail | None:
    return bounce_of(customer.email) if customer and request.user.has_perm("customers.view_mail") else None


@admin.register(Customer)
class CustomerAdmin(FileImportExport, StaffAdmin):
    form = CustomerForm
    export_permission = "ecommerce.export_order"
    list_display = ("name_and_email", "phone", "has_account", "created")
    search_fields = ("email", "first_name", "last_name")
    empty_text = _("Customers appear when they sign up on the website, are added here, or are imported.")
    search_help_text = _("E-mail, name, phone or address")
    inlines = (AddressInline,)
    new_fields = ("email", ("first_name", "last_name"), "phone", "tax_id", ("tax_exempt", "tax_exempt_reason"))
    fields = (
        *new_fields[:-1], "tax_id_check", new_fields[-1], "has_account", "stripe_customer_id", "created",
    )  # fmt: skip
    readonly_fields = ("tax_id_check", "has_account", "stripe_customer_id", "created")
    change_form_template = "admin/ecommerce/customer/change_form.html"

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # orders and invoices refer to them

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return self.fields if obj else self.new_fields

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        customer = self.get_object(request, object_id)
        panels = build_panels(request, customer) if customer and self.has_view_permission(request, customer) else []
        tabs = [
            {"title": _("Details"), "link": "", "inline": "general", "has_permission": True},
            *({"title": each.title, "link": "", "inline": each.slug, "has_permission": True} for each in panels),
        ]
        can_order = request.user.has_perm("ecommerce.add_order") and not (customer and customer.erased_at)
        context = {
            "panels": [each for each in panels if each.template],
            "tab_list": [{"models": [{"name": "customers.customer", "detail": True}], "items": tabs}],
            "new_order_link": f"{reverse('admin:ecommerce_order_add')}?customer={object_id}" if can_order else "",
            "bounce": _bounce(request, customer),
            "erasure": Erasure.objects.filter(customer=customer).first(),
            "may_erase": request.user.has_perm("customers.erase_customer"),
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return page

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.erased_at)

    def get_urls(self) -> list[Any]:
        erase = self.admin_site.admin_view(self.erase_view)
        return [path("<int:pk>/erase/", erase, name="customers_customer_erase"), *super().get_urls()]

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return erase_view(self, request, pk)

    def changeform_view(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        try:
            page: HttpResponse = super().changeform_view(request, *arguments, **options)
        except EmailError:
            # Another request was given the same e-mail after this form was checked; checked again, the form says so.
            page = super().changeform_view(request, *arguments, **options)
        return page

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        form = super().get_form(request, obj, change, **options)
        form.by = actor(request)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        changed = set(form.changed_data)
        if changed & {"first_name", "last_name", "phone"}:
            obj.profile_by_staff = True
            Customer.objects.filter(pk=obj.pk).update(profile_by_staff=True)
        email = obj.email
        if "tax_id" in changed:
            self._keep_check(obj, form.checked_tax_id)
        if change:
            form.changed_data = [name for name in form.changed_data if name != "email"]
        super().save_model(request, obj, form, change)
        if change and "email" in changed:
            change_email(customer=obj, email=email, by=actor(request), at=database_clock.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        super().save_formset(request, form, formset, change)
        for saved in (*formset.new_objects, *(obj for obj, _changed in formset.changed_objects)):
            for sentence in address_warnings(saved.frozen()) if isinstance(saved, Address) else ():
                messages.warning(request, gettext("%(line)s: %(warning)s") % {"line": saved.line1, "warning": sentence})

    @staticmethod
    def _keep_check(customer: Customer, checked: TaxId) -> None:
        kept = columns(checked, at=database_clock.now())
        for name, value in kept.items():
            setattr(customer, name, value)
        Customer.objects.filter(pk=customer.pk).update(**kept)

    def log_change(self, request: HttpRequest, obj: Customer, message: Any) -> Any:
        # `change_email` writes an entry of its own, with both e-mails.
        return super().log_change(request, obj, message) if message else None

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
        if customer.erased_at:
            return str(customer), ""
        return (customer.name, customer.email) if customer.name else (customer.email, "")

    @column(_("check of the tax id"))
    def tax_id_check(self, customer: Customer) -> SafeString | str:
        if not customer.tax_id:
            return "–"
        if customer.tax_id_checked_at is None:
            return gettext("Not checked: nothing is known of the numbers of that country.")
        when, by = moment(customer.tax_id_checked_at), customer.tax_id_checked_by
        return format_html(gettext("Format and check digits are right ({}, {})"), by, when)

    @column(_("signs in on the website"))
    def has_account(self, customer: Customer) -> str:
        if customer.user_id and not is_confirmed(customer):
            return gettext("Yes, e-mail not confirmed")
        return yes_no(customer.user_id)

    @column(_("created"))
    def created(self, customer: Customer) -> SafeString | str:
        return moment(customer.created_at)
