"""The SKU form: the price in the currency's major unit, the stock changed by its difference."""

from typing import Any

from django import forms
from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from backoffice.concurrent_edits import ConcurrentEditForm
from billing.admin.fields import MoneyField, MoneyForm
from billing.money import supported
from ecommerce.models import OrderItem, Sku


def deletion_error(skus: models.QuerySet[Sku]) -> str:
    """Return "" where the SKUs can be deleted."""
    ordered = skus.filter(models.Exists(OrderItem.objects.filter(sku=models.OuterRef("pk")))).first()
    if ordered is None:
        return ""
    return gettext(
        "SKU %(code)s was ordered: it stays, so that its orders can be read. Make it inactive to stop selling it."
    ) % {"code": ordered.code}


class SkuForm(ConcurrentEditForm, MoneyForm):
    money = {"price": "currency"}
    merged_fields = frozenset({"inventory_quantity"})
    price = MoneyField(label=_("Price"))
    # No default: a price in the alphabet's first currency would be a mistake that nobody sees.
    currency = forms.ChoiceField(
        label=_("Currency"), choices=[("", "–"), *supported()], widget=UnfoldAdminSelectWidget()
    )
    # The initial value is posted back: stock changes by the difference, whatever was sold meanwhile.
    inventory_quantity = forms.IntegerField(
        label=_("In stock"), min_value=0, max_value=2**31 - 1, initial=0, required=False, show_hidden_initial=True,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip

    weight = forms.IntegerField(
        label=_("Weight (g)"), min_value=0, max_value=2**31 - 1, initial=0, required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip

    class Meta:
        model = Sku
        fields = (
            "product",
            "code",
            "name",
            "price",
            "currency",
            "inventory_type",
            "inventory_quantity",
            "low_stock_at",
            "weight",
            "bin",
            "image",
            "active",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # In a row of a table only the column is titled, which no screen reader connects with the field.
        for field in self.fields.values():
            field.widget.attrs.setdefault("aria-label", field.label or "")

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"]
        if self.instance.pk and currency != self.instance.currency and self._ordered():
            raise forms.ValidationError(
                _("This SKU was ordered in %(currency)s; make another SKU for another currency."),
                params={"currency": self.instance.currency.upper()},
            )
        return currency

    def _ordered(self) -> bool:
        return OrderItem.objects.filter(sku=self.instance.pk).exists()

    def clean_inventory_quantity(self) -> int:
        return self.cleaned_data["inventory_quantity"] or 0

    def clean_weight(self) -> int:
        return self.cleaned_data["weight"] or 0

    def save(self, commit: bool = True) -> Sku:  # noqa: FBT001, FBT002 - Django's signature
        """Write only the changed columns; the stock by its difference, never below zero."""
        sku: Sku = self.instance
        if not commit or sku.pk is None:
            return super().save(commit)  # type: ignore[no-any-return]
        sku.save(
            update_fields=[name for name in self.changed_data if name in self.fields and name != "inventory_quantity"]
        )
        if "inventory_quantity" in self.changed_data:
            stock = Greatest(F("inventory_quantity") + self._added(), 0)
            Sku.objects.filter(pk=sku.pk).update(inventory_quantity=stock)
        return sku

    def _added(self) -> int:
        initial = self.data.get(self.add_initial_prefix("inventory_quantity"), "")
        return int(self.cleaned_data["inventory_quantity"]) - (int(initial) if initial.isdecimal() else self._stored())

    def _stored(self) -> int:
        return Sku.objects.values_list("inventory_quantity", flat=True).get(pk=self.instance.pk)


class SkuFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    def clean(self) -> None:
        BaseInlineFormSet.clean(self)
        deleted = [form.instance.pk for form in self.deleted_forms if form.instance.pk]
        error = deletion_error(Sku.objects.filter(pk__in=deleted))
        if error:
            raise forms.ValidationError(error)

    def delete_existing(self, obj: Any, commit: bool = True) -> None:  # noqa: FBT001, FBT002 - Django's signature
        if commit:  # `clean` saw that nothing refers to it
            Sku.objects.filter(pk=obj.pk).delete()
