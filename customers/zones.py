"""The zone in which a page tells staff its times: their own choice, else their browser's, else the shop's."""

import functools
from collections.abc import Callable
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

COOKIE = "browser_zone"  # written by the script of the staff's pages
GetResponse = Callable[[HttpRequest], HttpResponse]
Choices = list[tuple[str, object]]


@functools.cache
def zone_names() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")) | {"UTC"}


def zone_choices() -> Choices:
    return [("", _("That of my browser")), *((name, name.replace("_", " ")) for name in sorted(zone_names()))]


def zone_of(request: HttpRequest) -> str:
    chosen = getattr(request.user, "time_zone", "")
    candidates = (chosen, unquote(request.COOKIES.get(COOKIE, "")))
    return next((name for name in candidates if name in zone_names()), settings.TIME_ZONE)


def middleware(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")):
            return get_response(request)
        with timezone.override(ZoneInfo(zone_of(request))):
            return get_response(request)

    return handle
