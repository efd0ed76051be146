"""Typed readers of the environment. A bad value says what to write instead.

What the environment leaves out is looked up in `environment.json` of VAR_DIR, where `make run` keeps what it chose
for the services it started, so that every command beside a running `make run` speaks to the same ones.
"""

import functools
import json
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def var_dir() -> Path:
    """Give the folder of everything kept on this machine; a relative VAR_DIR stands below the project's root."""
    value = given("VAR_DIR") or "var"
    try:
        return (BASE_DIR / Path(value).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as wrong:
        message = f"VAR_DIR is {value!r}, which is no folder ({wrong}): write a path, for example /srv/pelcro-orders."
        raise ImproperlyConfigured(message) from None


@functools.cache
def chosen_locally() -> dict[str, str]:
    """Read what `make run` chose on this machine, or nothing where it never ran."""
    path = var_dir() / "environment.json"
    if not path.is_file():
        return {}
    chosen: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return chosen


def text(name: str, default: str = "") -> str:
    """Read a variable; an empty one counts as absent."""
    return given(name) or left_to_us(name) or default


def given(name: str) -> str:
    """Read a variable of the real environment."""
    return os.environ.get(name, "").strip()


def left_to_us(name: str) -> str:
    """Give what `make run` chose; nothing of its sandbox where a real Stripe is given, whose key would reach it."""
    if name.startswith("STRIPE_") and given("STRIPE_SECRET_KEY"):
        return ""
    return chosen_locally().get(name, "")


def flag(name: str, *, default: bool = False) -> bool:
    """Read a yes-or-no variable."""
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        message = f"{name} is {value!r}; write 1 or 0."
        raise ImproperlyConfigured(message)
    return default


def number(name: str, default: int, *, least: int, most: int) -> int:
    """Read a whole number between two bounds, both included."""
    value = text(name, str(default))
    if value.isascii() and value.isdigit() and least <= int(value) <= most:
        return int(value)
    message = f"{name} is {value!r}; write a whole number from {least} to {most}, for example {default}."
    raise ImproperlyConfigured(message)


def address(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """Read a URL of one of these schemes, without a slash at its end."""
    value = text(name, default)
    if not value:
        return ""
    parts = url(name, value)
    if parts.scheme not in schemes:
        choices = " or ".join(f"{scheme}://…" for scheme in schemes)
        message = f"{name} does not start with {choices}: write it so."
        raise ImproperlyConfigured(message)
    if not (parts.netloc or parts.path.strip("/")):
        message = f"{name} is {value!r}, which names no host: write it after {parts.scheme}://."
        raise ImproperlyConfigured(message)
    return value.rstrip("/")


def key(name: str, *, begins: tuple[str, ...]) -> str:
    """Read a key of Stripe's, which says what it is by how it begins."""
    value = text(name)
    if value and not (value.startswith(begins) and value.isascii() and value.isprintable() and " " not in value):
        # Not the value itself: it may be another secret.
        choices = " or ".join(f"{prefix}…" for prefix in begins)
        message = f"{name} is not what Stripe's dashboard shows for it: write the one that begins with {choices}."
        raise ImproperlyConfigured(message)
    return value


def url(name: str, value: str) -> SplitResult:
    """Take a URL apart; its port is a number, and its brackets are in pairs."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as wrong:
        # Not the value itself: it may hold a password.
        message = f"{name} is no address ({wrong}): write scheme://host:port."
        raise ImproperlyConfigured(message) from None
    return parts


def zone(name: str, default: str) -> str:
    """Read the name of a time zone."""
    value = text(name, default)
    try:
        return ZoneInfo(value).key
    except (OSError, ValueError, ZoneInfoNotFoundError):
        message = f"{name} is {value!r}; write the name of a time zone, for example Europe/Berlin."
        raise ImproperlyConfigured(message) from None


def listed(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Read a comma-separated list."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)
