"""Links between pages of the admin."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link(model: str, pk: int | None, text: object) -> SafeString:
    """Link to the page of a row; `model` is "app_model"."""
    return format_html('<a class="link whole" href="{}">{}</a>', reverse(f"admin:{model}_change", args=[pk]), text)
