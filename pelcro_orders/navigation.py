"""The theme's settings: title, sidebar, colours."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Pelcro Orders",
    "SITE_HEADER": "Pelcro Orders",
}
