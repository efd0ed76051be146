"""The page of who sells, and the exchange rates by which taxes are stated in the currency of the books."""

import base64
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelect2Widget, UnfoldBooleanSwitchWidget

from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from billing.documents.make import queue_mended
from billing.documents.sample import check_logo_in_pdf
from billing.models import ExchangeRate, Seller
from billing.money import supported
from billing.sellers import WrongLogo, check_logo, freeze_seller
from customers.countries import country_choices
from customers.postal_addresses import address_warnings
from customers.tax_ids import WrongTaxId, check

ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "country")


def _currencies() -> list[tuple[str, str]]:
    return [("", "–"), *supported()]


class SellerForm(forms.ModelForm):  # type: ignore[type-arg]
    country = forms.ChoiceField(
        label=gettext_lazy("Country"), choices=lambda: [("", "–"), *country_choices()], widget=UnfoldAdminSelect2Widget
    )
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency of the books"),
        choices=_currencies,
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text=gettext_lazy("Invoices in another currency state their tax in this one, too, by the exchange rates."),
    )
    logo_file = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("A PNG of at most 200 kB and 2,000 pixels each way. It stands instead of the name."),
    )
    remove_logo = forms.BooleanField(
        label=gettext_lazy("Remove the logo"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Seller
        fields = (
            *(*ADDRESS, "tax_id", "tax_number", "registration", "bank", "email", "phone", "currency"),
            *("invoice_prefix", "credit_note_prefix", "year_in_numbers", "footer"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "line1"):
            if name in self.fields:
                self.fields[name].required = True

    def clean_tax_id(self) -> str:
        try:
            return check(self.cleaned_data["tax_id"]).text
        except WrongTaxId as error:
            raise forms.ValidationError(str(error)) from error

    def clean_logo_file(self) -> bytes | None:
        file: Any = self.cleaned_data["logo_file"]
        if file is None:
            return None
        content: bytes = file.read()
        try:
            check_logo(content)
            check_logo_in_pdf(content)
        except WrongLogo as error:
            raise forms.ValidationError(str(error)) from error
        return content


class SellerAdmin(StaffAdmin):
    """One row, and no list. Registered by the app of the orders, whose settings name the seller's tax id."""

    form = SellerForm
    readonly_fields = ("shown_logo",)
    fieldsets = (
        (_("Who sells"), {"fields": (("name",), ("line1", "line2"), ("postal_code", "city"), ("state", "country"))}),
        (_("Tax"), {"fields": (("tax_id", "tax_number"), "currency")}),
        (_("On documents"), {"fields": (("email", "phone"), ("registration", "bank"), "footer")}),
        (_("Logo"), {"fields": ("shown_logo", "logo_file", "remove_logo")}),
        (_("Numbers"), {"fields": (("invoice_prefix", "credit_note_prefix"), "year_in_numbers")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Seller | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        Seller.objects.get_or_create(pk=1)
        return self.changeform_view(request, "1")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        shown = {"title": _("Seller"), "subtitle": None, "show_save_and_continue": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, shown)

    def response_post_save_change(self, request: HttpRequest, obj: Seller) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:billing_seller_changelist"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        logo = form.cleaned_data["logo_file"]
        if logo or form.cleaned_data["remove_logo"]:
            obj.logo = logo
            obj.save(update_fields=["logo"])
        super().save_model(request, obj, form, change)
        freeze_seller(obj)
        for warning in address_warnings({name: getattr(obj, name) for name in ADDRESS}):
            messages.warning(request, warning)
        say_what_is_mended(request, queue_mended("seller"))

    @column(_("now"))
    def shown_logo(self, seller: Seller) -> SafeString | str:
        if not seller.logo:
            return gettext("None: documents begin with the name.")
        encoded = base64.b64encode(bytes(seller.logo)).decode()
        return format_html('<img class="o-logo" src="data:image/png;base64,{}" alt="{}">', encoded, gettext("Logo"))


def say_what_is_mended(request: HttpRequest, count: int) -> None:
    """Tell staff which documents a change lets go on."""
    if count:
        sentence = ngettext(
            "%(count)s document that waited for this is issued now.",
            "%(count)s documents that waited for this are issued now.",
            count,
        )
        messages.info(request, sentence % {"count": f"{count:,}"})


class ExchangeRateForm(forms.ModelForm):  # type: ignore[type-arg]
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=_currencies, widget=UnfoldAdminSelect2Widget)
    to_currency = forms.ChoiceField(label=gettext_lazy("In"), choices=_currencies, widget=UnfoldAdminSelect2Widget)

    class Meta:
        model = ExchangeRate
        fields = ("currency", "to_currency", "rate", "day", "source")
        help_texts = {
            "rate": gettext_lazy("What one unit of the currency is worth."),
            "day": gettext_lazy("It holds from this day on, until a later rate begins."),
        }


@admin.register(ExchangeRate)
class ExchangeRateAdmin(StaffAdmin):
    form = ExchangeRateForm
    list_display = ("pair", "rate_in_words", "day", "source")
    search_fields = ("=currency", "=to_currency", "source")
    search_help_text = _("Currency or source")
    ordering = ("-day", "-pk")
    empty_text = _(
        "An invoice in another currency than that of the seller's books states its tax in both, by the rate of its day."
    )
    fieldsets = ((None, {"fields": (("currency", "to_currency"), ("rate", "day"), "source")}),)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        say_what_is_mended(request, queue_mended("exchange_rate"))

    @column(_("currencies"))
    def pair(self, rate: ExchangeRate) -> str:
        return f"{rate.currency.upper()} in {rate.to_currency.upper()}"

    @column(_("rate"))
    def rate_in_words(self, rate: ExchangeRate) -> str:
        return str(rate)
