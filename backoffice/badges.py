"""The colour of every status: one table for the lists, pages and banners of all apps."""

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

STATUSES_BY_TONE = {
    "good": ("paid", "succeeded", "done", "active", "default", "processed", "sent", "delivered", "issued"),
    "bad": (
        "failed", "payment_failed", "refund_failed", "disputed", "dispute_lost", "uncollectible", "bounced", "broken",
        "complained",
    ),
    "warn": (
        "open", "requires_action", "processing", "payment_processing", "authentication_required", "refund_in_progress",
        "refund_pending", "pending", "requested", "partial", "stopping", "stopped", "skipped", "expired", "waiting",
    ),
    "info": ("created", "running", "queued", "working"),
    "done": ("fulfilled",),
}  # fmt: skip
TONES = {status: tone for tone, statuses in STATUSES_BY_TONE.items() for status in statuses}


def tone(status: str) -> str:
    """Return the suffix of the CSS class; "plain" for a status without a colour of its own."""
    return TONES.get(status, "plain")


def badge(status: str, label: str | Promise) -> SafeString:
    return format_html('<b class="badge badge-{}">{}</b>', tone(status), label)
