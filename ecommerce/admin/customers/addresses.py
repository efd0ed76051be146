"""The address inline of the customer page."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget

from backoffice.columns import column
from backoffice.concurrent_edits import ConcurrentInline
from customers.countries import country_choices
from customers.models import Address, Customer


class AddressForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new default address replaces the old one of its kind."""

    country = forms.ChoiceField(
        label=_("Country"),
        choices=lambda: [("", _("Select a country")), *country_choices()],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Address
        fields = (
            *("kind", "is_default", "name", "company", "department", "line1", "line2"),
            *("city", "state", "postal_code", "country", "delivery_instructions"),
        )

    def _get_validation_exclusions(self) -> set[str]:
        # `save` clears the default flag of the other address, so the unique constraint holds.
        return super()._get_validation_exclusions() | {"is_default"}  # type: ignore[misc, no-any-return]

    def save(self, commit: bool = True) -> Address:  # noqa: FBT001, FBT002 - Django's signature
        address: Address = self.instance
        if commit and address.is_default:
            others = Address.objects.filter(customer=address.customer_id, kind=address.kind, is_default=True)
            others.exclude(pk=address.pk).update(is_default=False)
        return super().save(commit)  # type: ignore[no-any-return]


class AddressFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and form not in self.deleted_forms]
        defaults = [address["kind"] for address in kept if address.get("is_default")]
        if len(defaults) > len(set(defaults)):
            raise forms.ValidationError(_("Choose one default address of each kind."))


class AddressInline(ConcurrentInline, StackedInline):  # type: ignore[misc]
    model = Address
    form = AddressForm
    formset = AddressFormSet
    template_after = "admin/ecommerce/customer/add_address.html"
    tab = True

    def get_extra(self, request: HttpRequest, obj: Customer | None = None, **options: Any) -> int:
        # A script adds rows; without JavaScript, the button below the addresses asks for an empty one.
        return 1 if request.GET.get("address") == "new" else 0

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        country = "country" if self.has_change_permission(request, obj) else "country_name"
        return (
            *(("kind", "is_default"), "name", ("company", "department"), ("line1", "line2")),
            *(("postal_code", "city"), ("state", country), "delivery_instructions"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> tuple[str, ...]:
        return () if self.has_change_permission(request, obj) else ("country_name",)

    @column(_("country"))
    def country_name(self, address: Address) -> str:
        return address.country_name

    def get_formset(self, request: Any, obj: Any = None, **options: Any) -> Any:
        # No check of dependent rows on delete: orders keep their own copy of the address.
        formset = super().get_formset(request, obj, **options)
        formset.form.hand_clean_DELETE = lambda _form: None
        return formset
