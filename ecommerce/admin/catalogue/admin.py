"""The product and SKU admins."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column, yes_no
from backoffice.concurrent_edits import ConcurrentInline
from backoffice.list_tabs import Tab, Tabbed
from billing.money import format_money
from ecommerce.admin.catalogue.sku_form import SkuForm, SkuFormSet, deletion_error
from ecommerce.admin.file_import import FileImportExport
from ecommerce.models import Product, Sku


def sale_badge(*, active: bool) -> SafeString:
    return badge("active", gettext("On sale")) if active else badge("inactive", gettext("Not on sale"))


class SkuInline(ConcurrentInline, TabularInline):  # type: ignore[misc]
    model = Sku
    form = SkuForm
    formset = SkuFormSet
    extra = 0
    show_change_link = True
    verbose_name_plural = _("SKUs")

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        price = ("price", "currency") if self.has_change_permission(request, obj) else ("price_money",)
        return ("code", "name", *price, "inventory_type", "inventory_quantity", "weight", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return () if self.has_change_permission(request, obj) else ("price_money",)

    def get_extra(self, request: HttpRequest, obj: Product | None = None, **options: Any) -> int:
        return 0 if obj else 1

    def get_formset(self, request: HttpRequest, obj: Product | None = None, **options: Any) -> Any:
        # `SkuFormSet` checks deletions: Django would load every order item of a SKU to list them.
        formset = super().get_formset(request, obj, **options)
        formset.form.hand_clean_DELETE = lambda _form: None
        return formset

    @column(_("price"))
    def price_money(self, sku: Sku) -> str:
        return sku.price_money


class CatalogueAdmin(StaffAdmin):
    actions = ("sell", "stop_selling")

    @admin.action(description=_("Sell"), permissions=["change"])
    def sell(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        self._set_active(request, queryset, active=True)

    @admin.action(description=_("Stop selling"), permissions=["change"])
    def stop_selling(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        self._set_active(request, queryset, active=False)

    def _set_active(self, request: HttpRequest, queryset: models.QuerySet[Any], *, active: bool) -> None:
        changed = queryset.exclude(active=active).update(active=active)
        word = gettext("on sale") if active else gettext("not on sale")
        self.message_user(request, gettext("%(count)d now %(word)s.") % {"count": changed, "word": word})

    def skus_of(self, obj: Any) -> models.QuerySet[Sku]:
        """The SKUs that are deleted with a product or SKU."""
        raise NotImplementedError

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        # Refuse before the confirmation page, not after it.
        obj = self.get_object(request, object_id)
        error = deletion_error(self.skus_of(obj)) if obj and self.has_delete_permission(request, obj) else ""
        if not error:
            return super().delete_view(request, object_id, extra_context)  # type: ignore[no-any-return]
        self.message_user(request, error, messages.ERROR)
        return HttpResponseRedirect(reverse(f"admin:ecommerce_{self.opts.model_name}_change", args=[object_id]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Only SKUs are deleted with them: nothing refers to a SKU that was never ordered.
        skus = [sku for obj in objs for sku in self.skus_of(obj)]
        names = [str(each) for each in {*objs, *skus}]
        return sorted(names), {str(Sku._meta.verbose_name_plural): len(skus)}, set(), []  # noqa: SLF001 - public API

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.skus_of(obj).delete()
            if not isinstance(obj, Sku):
                obj.delete()


@admin.register(Product)
class ProductAdmin(FileImportExport, Tabbed, CatalogueAdmin):
    export_permission = "ecommerce.export_order"
    list_display = ("name", "sku_codes", "prices", "stock", "is_shipped", "on_sale")
    search_fields = ("name", "skus__code", "skus__name")
    empty_text = _("A product has one or more SKUs, which are what customers order.")
    search_help_text = _("Product or SKU")
    inlines = (SkuInline,)
    formfield_overrides = {models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 4})}}
    fields = (
        *("name", "description", "image", "shippable", "tax_category"),
        *("final_sale", "withdrawal_exception", "active"),
    )
    tabs = (
        Tab(_("All")),
        Tab(_("On sale"), models.Q(active=True), (("active__exact", "1"),)),
        Tab(_("Not on sale"), models.Q(active=False), (("active__exact", "0"),)),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        beside = {"link": reverse("admin:ecommerce_sku_changelist"), "title": _("All SKUs with their stock")}
        return super().changelist_view(request, {"beside": beside, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Product]:
        products: models.QuerySet[Product] = super().get_queryset(request)
        return products.prefetch_related("skus")

    def skus_of(self, obj: Product) -> models.QuerySet[Sku]:
        return obj.skus.all()

    @column(_("SKUs"))
    def sku_codes(self, product: Product) -> str:
        codes = [sku.code for sku in product.skus.all()]
        shown = ", ".join(codes[:3])
        return f"{shown}, +{len(codes) - 3}" if len(codes) > 3 else shown or gettext("none yet")  # noqa: PLR2004 - codes shown

    @column(_("price"))
    def prices(self, product: Product) -> str:
        spans: dict[str, list[int]] = {}
        for sku in product.skus.all():
            spans.setdefault(sku.currency, []).append(sku.price)
        return ", ".join(_price_range(min(prices), max(prices), currency) for currency, prices in sorted(spans.items()))

    @column(_("in stock"))
    def stock(self, product: Product) -> str:
        counted = [sku.inventory_quantity for sku in product.skus.all() if sku.finite]
        return f"{sum(counted):,}" if counted else gettext("not counted")

    @column(_("shipped"))
    def is_shipped(self, product: Product) -> str:
        return yes_no(product.shippable)

    @column(_("status"))
    def on_sale(self, product: Product) -> SafeString:
        return sale_badge(active=product.active)


def _price_range(least: int, most: int, currency: str) -> str:
    first = format_money(least, currency)
    return (
        first if least == most else f"{first} – {format_money(most, currency).removeprefix(currency.upper()).strip()}"
    )


@admin.register(Sku)
class SkuAdmin(FileImportExport, Tabbed, CatalogueAdmin):
    export_permission = "ecommerce.export_order"
    form = SkuForm
    list_display = ("code", "description", "price_money", "stock", "on_sale")
    search_fields = ("code", "name", "product__name")
    empty_text = _("A SKU is one kind of a product, with its price and stock.")
    search_help_text = _("SKU or product")
    list_select_related = ("product",)
    autocomplete_fields = ("product",)
    tabs = (
        Tab(_("All")),
        Tab(_("Counted stock"), models.Q(inventory_type="finite"), (("inventory_type__exact", "finite"),)),
        Tab(
            _("Sold out"),
            models.Q(inventory_type="finite", inventory_quantity=0),
            (("inventory_type__exact", "finite"), ("inventory_quantity__exact", "0")),
        ),
        Tab(_("Not on sale"), models.Q(active=False), (("active__exact", "0"),)),
    )

    def get_fields(self, request: HttpRequest, obj: Sku | None = None) -> tuple[str, ...]:
        can_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        price = ("price", "currency") if can_edit else ("price_money",)
        stock = ("inventory_type", "inventory_quantity", "low_stock_at")
        return ("product", "code", "name", *price, *stock, "weight", "bin", "image", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Sku | None = None) -> tuple[str, ...]:
        return ("product", "price_money") if obj else ("price_money",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        # Reached from the products list, not from the sidebar.
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: "forms.ModelForm[Any]", change: Any) -> None:
        form.save()  # changes the stock by the difference

    def skus_of(self, obj: Sku) -> models.QuerySet[Sku]:
        return Sku.objects.filter(pk=obj.pk)

    @column(_("product"))
    def description(self, sku: Sku) -> str:
        return sku.description

    @column(_("price"))
    def price_money(self, sku: Sku) -> str:
        return sku.price_money

    @column(_("in stock"))
    def stock(self, sku: Sku) -> str:
        return f"{sku.inventory_quantity:,}" if sku.finite else gettext("not counted")

    @column(_("status"))
    def on_sale(self, sku: Sku) -> SafeString:
        return sale_badge(active=sku.active)
