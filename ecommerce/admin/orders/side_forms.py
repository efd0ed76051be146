"""Fields for tags, assignees and the end of a hold, on the order page and of mass actions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce.models import Tag
from ecommerce.orders.assign import assignees
from ecommerce.orders.errors import OrderError
from ecommerce.orders.tags import clean_names

MAX_SUGGESTED = 500
TAG_LIST = "known-tags"  # the id of the datalist
_current_zone = lazy(timezone.get_current_timezone_name, str)


class TagsField(forms.CharField):
    """Names of tags, separated by commas."""

    def __init__(self, **options: Any) -> None:
        attributes = {"list": TAG_LIST, "autocomplete": "off", "placeholder": gettext_lazy("fragile, VIP")}
        options.setdefault("widget", UnfoldAdminTextInputWidget(attributes))
        super().__init__(required=False, max_length=1000, **options)

    def clean(self, value: Any) -> list[str]:
        try:
            return clean_names([super().clean(value)])
        except OrderError as error:
            raise forms.ValidationError(error.message) from error


class AssigneeField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    def __init__(self, **options: Any) -> None:
        super().__init__(
            queryset=assignees(),
            label=gettext_lazy("Assign to"),
            required=False,
            empty_label=gettext_lazy("Nobody"),
            **options,
        )


class UntilField(forms.DateTimeField):
    def __init__(self) -> None:
        widget = UnfoldAdminTextInputWidget({"type": "datetime-local"})
        super().__init__(
            label=format_lazy(gettext_lazy("Until ({zone})"), zone=_current_zone()),
            required=False,
            widget=widget,
            help_text=gettext_lazy("It is released by itself then. Empty: until somebody releases it."),
        )


def suggested_tags() -> Sequence[str]:
    return list(Tag.objects.order_by("name").values_list("name", flat=True)[:MAX_SUGGESTED])
