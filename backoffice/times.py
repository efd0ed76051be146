"""Times as every page shows them: local, with their zone."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def moment(at: datetime | None) -> SafeString | str:
    if at is None:
        return "–"
    local = timezone.localtime(at)
    return format_html('<time class="whole" datetime="{}">{}</time>', local.isoformat(), f"{local:%Y-%m-%d %H:%M %Z}")
