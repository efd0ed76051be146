"""The form of a message to the customer, with its preview."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from customers.mail.layout import html_of_text
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.customer_messages import MAX_SUBJECT, MAX_TEXT
from ecommerce.mails.files import attachable
from ecommerce.models import Order


class MessageForm(ActionForm):
    template = "write.html"
    subject = forms.CharField(
        label=gettext_lazy("Subject"), max_length=MAX_SUBJECT, widget=UnfoldAdminTextInputWidget()
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=MAX_TEXT,
        widget=UnfoldAdminTextareaWidget({"rows": 12}),
        help_text=gettext_lazy("A blank line ends a paragraph. An address on a line of its own becomes a link."),
    )
    attachments = forms.MultipleChoiceField(
        label=gettext_lazy("Attach"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    # Of this opening of the page: a second press sends nothing more.
    key = forms.UUIDField(widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        files = attachable(order)
        self.fields["attachments"].choices = files  # type: ignore[attr-defined]
        if not files:
            del self.fields["attachments"]
        self.initial = {
            "subject": _("Your order %(number)s") % {"number": order.number},
            "text": _("Hello %(name)s,\n\n") % {"name": order.customer.name or _("customer")},
        }

    @property
    def hidden_values(self) -> dict[str, Any]:
        return {"key": self.data.get("key") or uuid4()}

    @property
    def is_changing(self) -> bool:
        return "preview" in self.data

    @property
    def preview(self) -> str:
        """Return the mail as its recipient would see it, once it was asked for."""
        if not (self.is_bound and self.is_changing and self.is_valid()):
            return ""
        return html_of_text(self.cleaned_data["subject"], self.cleaned_data["text"])

    @property
    def arguments(self) -> dict[str, Any]:
        key: UUID = self.cleaned_data["key"]
        named = {name: self.cleaned_data[name] for name in ("subject", "text")}
        return {**named, "attachments": self.cleaned_data.get("attachments", []), "key": key}
