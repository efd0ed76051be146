"""The forms of the returns desk: open, answer, receive, close."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ecommerce.admin.orders.action_forms import joined_reason
from ecommerce.models import Order, OrderItem, Reason, Return, ReturnItem
from ecommerce.orders.receiving import Received, received_so_far
from ecommerce.orders.returns import returnable, returnable_so_far

Condition = ReturnItem.Condition


def _quantity(label: str, most: int, *, initial: int | None = None) -> forms.IntegerField:
    attributes = {"min": 0, "max": most, "inputmode": "numeric", "aria-label": label}
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=most,
        required=False,
        initial=initial,
        error_messages={"max_value": _("At most %(limit_value)s.")},
        widget=UnfoldAdminIntegerFieldWidget(attributes),
    )


def _text(label: Any, *, required: bool = False, **more: Any) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget({"rows": 3})
    return forms.CharField(label=label, max_length=2000, required=required, widget=widget, **more)


def checkbox(label: Any, **more: Any) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget(), **more)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item, how many of it are in question, and the fields about it."""

    item: OrderItem
    count: int
    fields: Sequence[forms.BoundField]


class OpenReturnForm(forms.Form):
    chosen_reason = forms.ChoiceField(label=gettext_lazy("Reason"), required=False, widget=UnfoldAdminSelectWidget())
    reason = forms.CharField(
        label=gettext_lazy("In your words"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget()
    )
    note = _text(gettext_lazy("Note"), help_text=gettext_lazy("For staff alone."))

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        texts = Reason.objects.texts(Reason.Kind.RETURN)
        self.fields["chosen_reason"].choices = [("", _("None of these")), *((text, text) for text in texts)]  # type: ignore[attr-defined]
        self.left = returnable(order)
        self.seen = returnable_so_far(order)
        self.items = [item for item in order.items.order_by("pk") if self.left[item.pk] > 0]
        for item in self.items:
            self.fields[f"item_{item.pk}"] = _quantity(item.description, self.left[item.pk])

    @property
    def rows(self) -> list[ItemRow]:
        return [ItemRow(item, self.left[item.pk], [self[f"item_{item.pk}"]]) for item in self.items]

    @property
    def chosen(self) -> list[tuple[int, int]]:
        quantities = ((item.pk, self.cleaned_data.get(f"item_{item.pk}")) for item in self.items)
        return [(pk, quantity) for pk, quantity in quantities if quantity]

    @property
    def arguments(self) -> dict[str, Any]:
        reason = joined_reason(self.cleaned_data["chosen_reason"], self.cleaned_data["reason"])
        seen = self.data.get("seen")
        return {"items": self.chosen, "reason": reason, "note": self.cleaned_data["note"], "seen": seen}


class ReturnForm(forms.Form):
    """`amount` is the money that the button names, in the minor unit, where it moves some."""

    template = "act.html"
    amount: int | None = None

    def __init__(self, order_return: Return, data: Any = None) -> None:
        super().__init__(data)
        self.order_return = order_return

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class ApproveForm(ReturnForm):
    answer = _text(
        gettext_lazy("A sentence to the customer"),
        help_text=gettext_lazy("In the mail that says where to send it. May be empty."),
    )


class DeclineForm(ReturnForm):
    answer = _text(
        gettext_lazy("A sentence to the customer"),
        required=True,
        help_text=gettext_lazy("Why it is declined: the customer reads it in a mail."),
    )


class ReceiveForm(ReturnForm):
    template = "receive.html"
    complete = checkbox(gettext_lazy("That is all: what has not arrived is missing"))

    def __init__(self, order_return: Return, data: Any = None) -> None:
        super().__init__(order_return, data)
        self.awaited = awaited(order_return)
        self.seen = received_so_far(order_return)
        for item, count in self.awaited:
            key, name = item.pk, item.description
            self.fields[f"resellable_{key}"] = _quantity(f"{name}: {Condition.RESELLABLE.label}", count)
            self.fields[f"damaged_{key}"] = _quantity(f"{name}: {Condition.DAMAGED.label}", count)
            self.fields[f"restock_{key}"] = checkbox(_("Back in stock"), initial=True)

    @property
    def rows(self) -> list[ItemRow]:
        return [
            ItemRow(item, count, [self[f"{name}_{item.pk}"] for name in ("resellable", "damaged", "restock")])
            for item, count in self.awaited
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        nothing_came = not self.errors and not list(self._received())
        if nothing_came and not self.order_return.items.filter(received__gt=0).exists():
            raise forms.ValidationError(_("Count what has arrived. Where nothing will come, cancel the return."))
        return cleaned

    @property
    def arguments(self) -> dict[str, Any]:
        seen = self.data.get("seen")
        return {"received": list(self._received()), "complete": self.cleaned_data["complete"], "seen": seen}

    def _received(self) -> Iterator[Received]:
        for item, _count in self.awaited:
            restock = self.cleaned_data[f"restock_{item.pk}"]
            for condition in (Condition.RESELLABLE, Condition.DAMAGED):
                if quantity := self.cleaned_data[f"{condition}_{item.pk}"]:
                    yield Received(item_id=item.pk, quantity=quantity, condition=condition, restock=restock)


def awaited(order_return: Return) -> list[tuple[OrderItem, int]]:
    """Return each item of which something has not arrived, also what was called missing before, and how many."""
    counts: dict[OrderItem, int] = {}
    for row in order_return.items.select_related("item").order_by("item", "pk"):
        counts[row.item] = counts.get(row.item, 0) + row.quantity - row.received
    return [(item, count) for item, count in counts.items() if count]
