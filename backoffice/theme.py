"""Look of the staff admin: settings of django-unfold that do not depend on the shop."""

from typing import Any

from django.templatetags.static import static

THEME: dict[str, Any] = {
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("backoffice/favicon.svg")}
    ],
    "STYLES": [lambda _request: static("backoffice/staff.css")],
    "SCRIPTS": [lambda _request: static("backoffice/staff.js")],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 184)",
            "100": "oklch(94.5% .04 184)",
            "200": "oklch(89.5% .07 184)",
            "300": "oklch(82.5% .1 184)",
            "400": "oklch(73% .115 184)",
            "500": "oklch(63% .108 184)",
            "600": "oklch(51.5% .09 186)",
            "700": "oklch(44.5% .077 188)",
            "800": "oklch(38.5% .064 189)",
            "900": "oklch(34% .053 190)",
            "950": "oklch(25% .045 192)",
        },
    },
    "SIDEBAR": {"show_search": True, "command_search": True},
}
