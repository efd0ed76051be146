"""The form of a webhook endpoint: its address, and its events as tick boxes in groups."""

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ecommerce.models import WebhookEndpoint
from ecommerce.webhooks.addresses import AddressRefused, check
from ecommerce.webhooks.events import EVENT_TYPES
from ecommerce.webhooks.words import WORDS

GROUPS = {
    "order": gettext_lazy("Orders"),
    "refund": gettext_lazy("Refunds"),
    "dispute": gettext_lazy("Disputes"),
    "return": gettext_lazy("Returns"),
    "customer": gettext_lazy("Customers"),
    "sku": gettext_lazy("Stock"),
}


def event_choices() -> list[tuple[Any, list[tuple[str, SafeString]]]]:
    """Return the events in groups, by the type of their object."""
    return [
        (title, [(name, _label(name)) for name, of in EVENT_TYPES.items() if of == object_type])
        for object_type, title in GROUPS.items()
    ]


def _label(name: str) -> SafeString:
    return format_html("<code>{}</code> <small>{}</small>", name, WORDS[name])


class EventBoxes(UnfoldAdminCheckboxSelectMultipleWidget):  # type: ignore[misc]
    template_name = "admin/ecommerce/webhookendpoint/events.html"

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:
        # By the project's templates: the renderer of forms knows those of apps alone.
        return mark_safe(render_to_string(template_name, context))  # noqa: S308 - a template's own output


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    url = forms.URLField(
        label=gettext_lazy("Address"),
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget({"type": "url", "placeholder": "https://erp.example.com/hooks"}),
        help_text=gettext_lazy("Gets each event by POST. Redirects are not followed."),
    )
    every_event = forms.BooleanField(
        label=gettext_lazy("All events"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Also those that are added later."),
    )
    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Only these"), choices=event_choices, required=False, widget=EventBoxes
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "every_event", "event_types", "owner", "owner_email")
        help_texts = {"description": gettext_lazy("Whose it is, as lists show it.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("every_event", bool(self.instance.pk) and not self.instance.event_types)

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check(url)
        except AddressRefused as error:
            raise forms.ValidationError(str(error)) from error
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        ticked = cleaned.get("event_types")
        if cleaned.get("every_event"):
            cleaned["event_types"] = []
        elif not ticked and "event_types" not in self.errors:
            self.add_error("event_types", _("Tick the events that it is to get, or all events."))
        return cleaned
