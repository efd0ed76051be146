"""The admins of tax rates and of the shop's settings."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Case, CharField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from billing.models import Seller
from customers.models import MailTemplate
from ecommerce.admin.file_import import FileImportExport
from ecommerce.admin.taxes.eu_rates import eu_rates_view
from ecommerce.admin.taxes.filters import BY_DAY, CategoryFilter, CountryFilter, DayFilter
from ecommerce.admin.taxes.forms import ShopSettingsForm, TaxRateForm
from ecommerce.models import Reason, ShopSettings, TaxRate, WebhookEndpoint
from ecommerce.retention.table import overview
from ecommerce.webhooks import health


@admin.register(TaxRate)
class TaxRateAdmin(FileImportExport, Tabbed, StaffAdmin):
    form = TaxRateForm
    export_permission = "ecommerce.export_order"
    list_display = ("where", "what_is_taxed", "name", "rate", "kind", "days", "status_badge")
    list_filter = (CountryFilter, CategoryFilter, DayFilter)
    search_fields = ("name", "region", "city", "=country")
    search_help_text = _("Name, state, city or code of the country")
    empty_text = _("A shop without tax rates collects no tax. With rates, it does in the countries that have some.")
    tabs = (
        Tab(_("All")),
        Tab(_("Valid today"), BY_DAY["now"], (("valid", "now"),)),
        Tab(_("Later"), BY_DAY["later"], (("valid", "later"),)),
        Tab(_("Ended"), BY_DAY["ended"], (("valid", "ended"),)),
    )
    fieldsets = (
        (None, {"fields": ("country", ("region", "city"), "postal_codes")}),
        (_("Tax"), {"fields": ("tax_category", ("name", "percent"), ("category", "reason"))}),
        (_("Days"), {"fields": (("valid_from", "valid_until"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaxRate]:
        rates: QuerySet[TaxRate] = super().get_queryset(request)
        days = (When(condition, then=Value(name)) for name, condition in BY_DAY.items())
        return rates.annotate(day=Case(*days, output_field=CharField()))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        load = {"link": reverse("admin:ecommerce_taxrate_eu"), "title": _("Load the EU's rates")}
        beside = {"beside": load} if self.has_import_permission(request) else {}
        return super().changelist_view(request, {**beside, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        load = self.admin_site.admin_view(self.eu_rates_view)
        return [path("load-eu-rates/", load, name="ecommerce_taxrate_eu"), *super().get_urls()]

    def eu_rates_view(self, request: HttpRequest) -> HttpResponse:
        return eu_rates_view(self, request)

    @column(_("where"))
    def where(self, rate: TaxRate) -> str:
        return rate.place

    @column(_("what"))
    def what_is_taxed(self, rate: TaxRate) -> str:
        return str(rate.get_tax_category_display())

    @column(_("percent"))
    def rate(self, rate: TaxRate) -> str:
        return rate.shown_percent

    @column(_("kind"))
    def kind(self, rate: TaxRate) -> SafeString | str:
        return format_html('<span title="{}">{}</span>', rate.reason, rate.category) if rate.reason else rate.category

    @column(_("days"))
    def days(self, rate: TaxRate) -> str:
        return rate.validity

    @column(_("status"))
    def status_badge(self, rate: TaxRate) -> SafeString:
        day = getattr(rate, "day", "")
        if day == "now":
            return badge("active", gettext("Valid"))
        return badge("inactive", gettext("Later")) if day == "later" else badge("expired", gettext("Ended"))


@admin.register(ShopSettings)
class ShopSettingsAdmin(StaffAdmin):
    """One row, whose page is at /admin/settings/: it has no list."""

    form = ShopSettingsForm
    readonly_fields = ("seller", "provider", "reasons", "mails", "webhooks", "retention")
    fieldsets = (
        (_("Shop"), {"fields": ("seller", "country")}),
        (
            _("Tax"),
            {"fields": ("tax_included_currencies", ("shipping_tax", "tax_day"), "stacked_countries", "provider")},
        ),
        (_("Small business"), {"fields": ("small_business", "small_business_reason")}),
        (
            _("Returns and cancellations"),
            {"fields": ("return_days", "cancel_minutes", "answer_days", "reasons")},
        ),
        (_("Payment links"), {"fields": ("payment_link_days",)}),
        (_("Stock"), {"fields": ("low_stock_at",)}),
        (_("Webhooks"), {"fields": ("webhooks",)}),
        (_("Mails"), {"fields": ("mails",)}),
        (_("Retention"), {"fields": ("retention",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ShopSettings | None = None) -> bool:
        return False

    def page_link(self) -> str:
        return reverse("shop_settings")

    def settings_view(self, request: HttpRequest) -> HttpResponse:
        ShopSettings.objects.get_or_create(pk=1)
        return self.changeform_view(request, "1")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(self.page_link())

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        shown = {"title": _("Settings"), "subtitle": None, "show_save_and_continue": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, shown)

    def response_post_save_change(self, request: HttpRequest, obj: ShopSettings) -> HttpResponse:
        return HttpResponseRedirect(self.page_link())

    @column(_("seller"))
    def seller(self, shop: ShopSettings) -> SafeString:
        """Say who sells, with the tax id that the rules of taxes read; both are edited on a page of their own."""
        seller = Seller.objects.filter(pk=1).first()
        named = ", ".join(filter(None, (seller.name, seller.tax_id))) if seller else ""
        return _link(reverse("admin:billing_seller_changelist"), named or gettext("Nobody has filled in who sells."))

    @column(_("calculated by"))
    def provider(self, shop: ShopSettings) -> SafeString | str:
        if settings.TAX_PROVIDER == "stripe":
            return gettext("Stripe Tax (TAX_PROVIDER=stripe)")
        words = gettext("the table of tax rates (%(count)s rates)") % {"count": f"{TaxRate.objects.count():,}"}
        return _link(reverse("admin:ecommerce_taxrate_changelist"), words)

    @column(_("reasons to choose from"))
    def reasons(self, shop: ShopSettings) -> SafeString:
        count = Reason.objects.filter(active=True).count()
        words = ngettext("%(count)d reason is offered", "%(count)d reasons are offered", count) % {"count": count}
        return _link(reverse("admin:ecommerce_reason_changelist"), words)

    @column(_("mails to customers"))
    def mails(self, shop: ShopSettings) -> SafeString:
        off = MailTemplate.objects.filter(enabled=False).count()
        words = gettext("when they are sent, and what they say")
        if off:
            words += " " + ngettext("(%(count)d kind is off)", "(%(count)d kinds are off)", off) % {"count": off}
        return _link(reverse("admin:customers_mailtemplate_changelist"), words)

    @column(_("events for other systems"))
    def webhooks(self, shop: ShopSettings) -> SafeString:
        count, troubled = WebhookEndpoint.objects.count(), health.troubled().count()
        words = ngettext("%(count)d endpoint is told", "%(count)d endpoints are told", count) % {"count": count}
        if troubled:
            off = ngettext("%(count)d is off or failing", "%(count)d are off or failing", troubled)
            words += f"; {off % {'count': troubled}}"
        return _link(reverse("admin:ecommerce_webhookendpoint_changelist"), words)

    @column(_("what is removed each night"))
    def retention(self, shop: ShopSettings) -> SafeString:
        return render_to_string("admin/ecommerce/retention.html", {"lines": overview()})


def _link(address: str, words: str) -> SafeString:
    return format_html('<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', address, words)
