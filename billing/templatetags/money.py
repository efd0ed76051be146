"""How our own templates write money, times and states."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Card
from billing.money import format_money

register = template.Library()

TONES = {
    "good": ("paid", "succeeded", "done", "active", "default", "processed"),
    "bad": ("failed", "payment_failed", "refund_failed", "disputed", "uncollectible"),
    "warn": (
        "open", "requires_action", "processing", "payment_processing", "authentication_required", "refund_in_progress",
        "refund_pending", "pending", "requested", "partial", "stopping", "expired", "waiting",
    ),
    "info": ("created", "running", "queued"),
    "done": ("fulfilled",),
}  # fmt: skip
TONE_OF = {state: tone for tone, states in TONES.items() for state in states}


@register.simple_tag
def money(amount: int, currency: str) -> SafeString:
    """Write an amount with its currency, on one line."""
    return format_html('<span class="whole">{}</span>', format_money(amount, currency))


@register.simple_tag
def moment(at: datetime | None) -> SafeString | str:
    """Write a time with its zone."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    words = f"{local:%Y-%m-%d %H:%M %Z}"
    return format_html('<time class="whole" datetime="{}">{}</time>', local.isoformat(), words)


@register.simple_tag
def badge(state: str, word: str | Promise) -> SafeString:
    """Show a state in the colour that it has on every page."""
    return format_html('<b class="badge badge-{}">{}</b>', TONE_OF.get(state, "plain"), word)


@register.filter
def past(card: Card) -> bool:
    """Tell whether a card has expired."""
    today = timezone.localdate()
    return card.expired(year=today.year, month=today.month)
