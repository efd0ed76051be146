"""The forms that correct parcels: void them, or write carrier and numbers anew."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from backoffice.ids import parse_id
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.admin.orders.carrier_field import CarrierField
from ecommerce.admin.orders.fulfill_form import NumbersField
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.parcels import in_words
from ecommerce.shipping.carriers import carrier_name, number_problem

MAX_REASON_LENGTH = 200


def _reason_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Staff see it in the history of the order."),
    )


class UndoFulfillmentForm(ActionForm):
    """Which parcels were not sent: all of them, unless the page was opened for one."""

    template = "undo_fulfillment.html"
    reason = _reason_field()

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        items = list(order.items.order_by("pk"))
        self.parcels = list(order.fulfillments.filter(voided_at=None).prefetch_related("items").order_by("pk"))
        for parcel in self.parcels:
            content = in_words(items, {each.item_id: each.quantity for each in parcel.items.all()})
            label = " · ".join(filter(None, [parcel.carrier, ", ".join(parcel.tracking_numbers), content]))
            field = forms.BooleanField(label=label, required=False, initial=True, widget=UnfoldBooleanWidget())
            self.fields[f"parcel_{parcel.pk}"] = field

    @property
    def parcel_fields(self) -> list[forms.BoundField]:
        return [self[f"parcel_{parcel.pk}"] for parcel in self.parcels]

    def opened_with(self, query: QueryDict) -> None:
        if query.get("parcel"):
            for parcel in self.parcels:
                self.fields[f"parcel_{parcel.pk}"].initial = str(parcel.pk) == query["parcel"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.parcels and not self._chosen(cleaned):
            raise forms.ValidationError(_("Choose the parcels that were not sent."))
        return cleaned

    def _chosen(self, cleaned: dict[str, Any]) -> list[int]:
        return [parcel.pk for parcel in self.parcels if cleaned.get(f"parcel_{parcel.pk}")]

    @property
    def arguments(self) -> dict[str, Any]:
        chosen = self._chosen(self.cleaned_data) if self.parcels else None
        return {"reason": self.cleaned_data["reason"], "parcel_ids": chosen}


class CorrectTrackingForm(ActionForm):
    """Carrier and numbers of one parcel, which the page was opened for."""

    parcel = forms.IntegerField(required=False, widget=forms.HiddenInput())
    carrier = CarrierField()
    tracking_numbers = NumbersField()
    accept_numbers = forms.BooleanField(
        label=gettext_lazy("The numbers are right all the same"), required=False, widget=UnfoldBooleanWidget()
    )
    reason = _reason_field()

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.sent: Fulfillment | None = None
        self.has_number_problems = False
        if self.is_bound:
            self._find(self.data.get("parcel"))

    def opened_with(self, query: QueryDict) -> None:
        self._find(query.get("parcel"))

    def visible_fields(self) -> list[forms.BoundField]:
        shown = super().visible_fields()
        return shown if self.has_number_problems else [field for field in shown if field.name != "accept_numbers"]

    def _find(self, parcel_id: Any) -> None:
        pk = parse_id(str(parcel_id or ""))
        self.sent = self.order.fulfillments.filter(pk=pk, voided_at=None).first() if pk is not None else None
        if self.sent:
            self.initial = {"carrier": self.sent.carrier, "tracking_numbers": ", ".join(self.sent.tracking_numbers)}

    @property
    def hidden_values(self) -> dict[str, Any]:
        return {"parcel": self.sent.pk if self.sent else ""}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.sent is None:
            raise forms.ValidationError(_("There is no such parcel any more: it was voided meanwhile."))
        numbers = cleaned.get("tracking_numbers", [])
        carrier = carrier_name(cleaned.get("carrier", ""), numbers)
        problems = [problem for number in numbers if (problem := number_problem(carrier, number))]
        self.has_number_problems = bool(problems)
        if problems and not cleaned.get("accept_numbers"):
            self.add_error("tracking_numbers", " ".join(problems))
        return cleaned

    @property
    def arguments(self) -> dict[str, Any]:
        names = ("carrier", "tracking_numbers", "reason")
        return {"parcel_id": self.sent.pk if self.sent else 0, **{name: self.cleaned_data[name] for name in names}}
