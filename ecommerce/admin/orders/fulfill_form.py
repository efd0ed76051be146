"""The form of the Fulfill page: what leaves in which parcel, with carrier and tracking numbers."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from backoffice.ids import parse_id
from customers.postal_addresses import address_lines, address_warnings
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.admin.orders.carrier_field import CarrierField
from ecommerce.models import Order, OrderItem
from ecommerce.orders.parcels import Parcel, left_fingerprint, left_to_send
from ecommerce.shipping.carriers import carrier_name, number_problem

MAX_PARCELS = 20


class NumbersField(forms.CharField):
    """Tracking numbers, one or several with commas between."""

    def __init__(self, **options: Any) -> None:
        help_text = gettext_lazy(
            "Several with commas between. The carrier is guessed from the number if you name none."
        )
        widget = UnfoldAdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"})
        defaults = {"label": gettext_lazy("Tracking number"), "required": False, "max_length": 2000}
        super().__init__(**{**defaults, "help_text": help_text, "widget": widget, **options})

    def clean(self, value: Any) -> list[str]:
        return [number.strip() for number in re.split(r"[,;\n]", super().clean(value)) if number.strip()]


@dataclass(frozen=True, slots=True)
class ItemField:
    """An item of which something is left to send, and how much of it is in the parcel."""

    item: OrderItem
    image: str
    field: forms.BoundField


@dataclass(frozen=True, slots=True)
class ParcelFields:
    number: int
    items: list[ItemField]
    carrier: forms.BoundField
    numbers: forms.BoundField


class FulfillForm(ActionForm):
    """`seen_left` is what was left to send when the page was opened; `parcels` how many the page has."""

    template = "fulfill.html"
    seen_left = forms.CharField(required=False, widget=forms.HiddenInput())
    parcels = forms.IntegerField(required=False, min_value=1, max_value=MAX_PARCELS, widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.items = list(order.items.select_related("sku__product").order_by("pk"))
        self.to_send = [item for item in self.items if item.left_to_send]
        self.count = self._count()
        for number in range(self.count):
            self._add_parcel(number)
        # A program that posts no quantities at all sends all that is left.
        self.is_all = self.is_bound and not any(str(name).startswith("item_") for name in self.data)
        self.has_number_problems = False
        self.fields["accept_numbers"] = forms.BooleanField(
            label=_("The numbers are right all the same"), required=False, widget=UnfoldBooleanWidget()
        )
        if self.is_changing and data is not None:
            self._fill_last()

    @property
    def is_changing(self) -> bool:
        """Whether a button that adds or drops a parcel was pressed: nothing is sent."""
        return "add_parcel" in self.data or "drop_parcel" in self.data

    def _count(self) -> int:
        asked = parse_id(str(self.data.get("parcels", ""))) or 1
        asked += ("add_parcel" in self.data) - ("drop_parcel" in self.data)
        return max(1, min(asked, MAX_PARCELS))

    def _add_parcel(self, number: int) -> None:
        self.fields[_name("carrier", number)] = CarrierField()
        self.fields[_name("tracking_number", number)] = NumbersField()
        for item in self.to_send:
            initial = 0 if number else item.left_to_send
            self.fields[f"item_{number}_{item.pk}"] = forms.IntegerField(
                label=item.description,
                min_value=0,
                max_value=item.left_to_send,
                required=False,
                initial=initial,
                widget=UnfoldAdminIntegerFieldWidget({"min": 0, "max": item.left_to_send}),
            )

    def _fill_last(self) -> None:
        """Put what the other parcels leave into one that was added."""
        last, added = self.count - 1, {}
        for item in self.to_send if "add_parcel" in self.data else ():
            others = (str(self.data.get(f"item_{number}_{item.pk}", "")) for number in range(last))
            taken = sum(parse_id(typed) or 0 for typed in others)
            added[f"item_{last}_{item.pk}"] = str(max(item.left_to_send - taken, 0))
        self.data = {**{name: self.data[name] for name in self.data}, **added}

    @property
    def hidden_values(self) -> dict[str, Any]:
        # What was seen stays what it was, however often a parcel is added.
        seen = self.data.get("seen_left") if self.is_bound else None
        return {"seen_left": left_fingerprint(self.items) if seen is None else seen, "parcels": self.count}

    @property
    def rows(self) -> list[ParcelFields]:
        return [
            ParcelFields(
                number + 1,
                [ItemField(item, _image(item), self[f"item_{number}_{item.pk}"]) for item in self.to_send],
                self[_name("carrier", number)],
                self[_name("tracking_number", number)],
            )
            for number in range(self.count)
        ]

    @property
    def may_add(self) -> bool:
        return self.count < MAX_PARCELS and sum(left_to_send(self.items).values()) > self.count

    @property
    def address(self) -> list[str]:
        return address_lines(self.order.shipping_address) if self.order.shipping_address else []

    @property
    def instructions(self) -> str:
        return str((self.order.shipping_address or {}).get("delivery_instructions", ""))

    @property
    def warnings(self) -> list[str]:
        return address_warnings(self.order.shipping_address) if self.order.shipping_address else []

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.is_changing:
            return cleaned
        for number in range(self.count):
            self._check_numbers(number, cleaned)
        self._check_contents(cleaned)
        return cleaned

    def _check_numbers(self, number: int, cleaned: dict[str, Any]) -> None:
        carrier, numbers = cleaned.get(_name("carrier", number), ""), cleaned.get(_name("tracking_number", number), [])
        problems = [problem for each in numbers if (problem := number_problem(carrier_name(carrier, [each]), each))]
        self.has_number_problems |= bool(problems)
        if problems and not cleaned.get("accept_numbers"):
            self.add_error(_name("tracking_number", number), " ".join(problems))

    def _check_contents(self, cleaned: dict[str, Any]) -> None:
        if not self.to_send:
            return
        total = Counter[int]()
        for number in range(self.count):
            content = self._content(number, cleaned)
            total.update(content)
            # A parcel that was left empty altogether is none.
            if not content and self._label(number, cleaned):
                self.add_error(None, _("Say what is in parcel %(number)d.") % {"number": number + 1})
        if not total and not self.errors:
            self.add_error(None, _("Say what is in the parcel."))
        for item in self.to_send:
            if total[item.pk] > item.left_to_send:
                values = {"item": item.description, "left": item.left_to_send, "wanted": total[item.pk]}
                sentence = _("Of %(item)s, %(left)d are left to send, and the parcels hold %(wanted)d.")
                self.add_error(None, sentence % values)

    def _content(self, number: int, cleaned: dict[str, Any]) -> dict[int, int]:
        if self.is_all:
            return left_to_send(self.items)
        typed = {item.pk: cleaned.get(f"item_{number}_{item.pk}") for item in self.to_send}
        return {item_id: quantity for item_id, quantity in typed.items() if quantity}

    def _label(self, number: int, cleaned: dict[str, Any]) -> bool:
        return bool(cleaned.get(_name("carrier", number)) or cleaned.get(_name("tracking_number", number)))

    @property
    def arguments(self) -> dict[str, Any]:
        parcels = [
            Parcel(
                items=list(content.items()) if self.to_send else None,
                carrier=self.cleaned_data[_name("carrier", number)],
                tracking_numbers=self.cleaned_data[_name("tracking_number", number)],
            )
            for number in range(self.count)
            if (content := self._content(number, self.cleaned_data)) or not self.to_send
        ]
        return {"parcels": parcels, "seen_left": self.data.get("seen_left")}


def _name(field: str, number: int) -> str:
    """The name of a field of a parcel; those of the first have no number."""
    return f"{field}_{number}" if number else field


def _image(item: OrderItem) -> str:
    return (item.sku.image or item.sku.product.image) if item.sku else ""
