"""The forms of the order actions' confirmation pages."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ecommerce.admin.orders.side_forms import UntilField
from ecommerce.models import Order, Reason
from ecommerce.orders.hold import MAX_REASON_LENGTH as MAX_HOLD_REASON

MAX_REASON_LENGTH = 500


class ActionForm(forms.Form):
    """`confirmed` is the amount that the button named, in the minor unit."""

    template = "action.html"
    confirmed = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        self.order = order

    @property
    def hidden_values(self) -> dict[str, Any]:
        return {}

    @property
    def is_changing(self) -> bool:
        """Whether a button was pressed that changes the form alone."""
        return False

    def opened_with(self, query: QueryDict) -> None:
        """Take up what the link that opened the page says."""

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `OrderAction.run`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "confirmed"}


class ReasonForm(ActionForm):
    """A reason of the shop's own, with or without more words: the act stores both as one text."""

    kind = Reason.Kind.CANCEL
    chosen_reason = forms.ChoiceField(label=gettext_lazy("Reason"), required=False, widget=UnfoldAdminSelectWidget())
    reason = forms.CharField(
        label=gettext_lazy("In your words"),
        max_length=MAX_REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("Staff see it in the history of the order."),
    )

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        texts = Reason.objects.texts(self.kind)
        self.fields["chosen_reason"].choices = [("", _("None of these")), *((text, text) for text in texts)]  # type: ignore[attr-defined]
        if not texts:
            del self.fields["chosen_reason"]

    @property
    def reason_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("chosen_reason", "reason") if name in self.fields]

    @property
    def arguments(self) -> dict[str, Any]:
        arguments = super().arguments
        chosen = arguments.pop("chosen_reason", "")
        return arguments | {"reason": joined_reason(chosen, arguments["reason"])}


def joined_reason(chosen: str, words: str) -> str:
    return ": ".join(filter(None, [chosen, words.strip()]))


class ReturnForm(ReasonForm):
    kind = Reason.Kind.RETURN
    restock = forms.BooleanField(
        label=gettext_lazy("Put the items back in stock"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )


class HoldForm(ActionForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_HOLD_REASON,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Shown in the list and on the order until it is released."),
    )
    until = UntilField()


class NoteForm(ActionForm):
    note = forms.CharField(
        label=gettext_lazy("How and when it was refunded"),
        max_length=MAX_REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("For example: bank transfer of 23 November, reference 4711."),
    )
