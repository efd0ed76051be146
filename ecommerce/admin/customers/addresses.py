"""The addresses of a customer, edited on the customer's page."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget

from backoffice.columns import column
from customers.countries import country_choices
from customers.models import Address, Customer


class AddressForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address as staff edit it: the country is chosen, and a new default replaces the old one."""

    country = forms.ChoiceField(
        label=_("Country"),
        choices=lambda: [("", _("Select a country")), *country_choices()],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Address
        fields = ("kind", "is_default", "name", "line1", "line2", "city", "state", "postal_code", "country")

    def _get_validation_exclusions(self) -> set[str]:
        # `save` takes the default from the other address, so that two of them never are.
        return super()._get_validation_exclusions() | {"is_default"}  # type: ignore[misc, no-any-return]

    def save(self, commit: bool = True) -> Address:  # noqa: FBT001, FBT002 - Django's signature
        """Take the default from the customer's other address of this kind."""
        address: Address = self.instance
        if commit and address.is_default:
            others = Address.objects.filter(customer=address.customer_id, kind=address.kind, is_default=True)
            others.exclude(pk=address.pk).update(is_default=False)
        return super().save(commit)  # type: ignore[no-any-return]


class AddressFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """All addresses of a customer."""

    def clean(self) -> None:
        """Ask for one default a kind."""
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and form not in self.deleted_forms]
        defaults = [address["kind"] for address in kept if address.get("is_default")]
        if len(defaults) > len(set(defaults)):
            raise forms.ValidationError(_("Choose one default address of each kind."))


class AddressInline(StackedInline):  # type: ignore[misc]
    """The tab of the customer's addresses."""

    model = Address
    form = AddressForm
    formset = AddressFormSet
    template_after = "ecommerce/address_add.html"
    tab = True

    def get_extra(self, request: HttpRequest, obj: Customer | None = None, **options: Any) -> int:
        """Add rows by a script; without one, the button below the addresses asks for an empty row."""
        return 1 if request.GET.get("address") == "new" else 0

    def get_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        """Name the country to who may only look."""
        country = "country" if self.has_change_permission(request, obj) else "country_name"
        return (("kind", "is_default"), "name", ("line1", "line2"), ("postal_code", "city"), ("state", country))

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> tuple[str, ...]:
        """Name what is no field."""
        return () if self.has_change_permission(request, obj) else ("country_name",)

    @column(_("country"))
    def country_name(self, address: Address) -> str:
        """Give the country's name."""
        return address.country_name

    def get_formset(self, request: Any, obj: Any = None, **options: Any) -> Any:
        """Delete without looking for what depends: orders keep their own copy of the address."""
        formset = super().get_formset(request, obj, **options)
        formset.form.hand_clean_DELETE = lambda _form: None
        return formset
