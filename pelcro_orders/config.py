"""Typed readers of the environment. Their errors say what to write instead.

A variable that is not set is looked up in `environment.json` of VAR_DIR, where `make run` stores the addresses and
keys of the services it started, so that any other command on this machine uses the same ones.
"""

import functools
import json
import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def var_dir() -> Path:
    """Return the folder of local data; a relative VAR_DIR is relative to the project's root."""
    value = from_environment("VAR_DIR") or "var"
    try:
        return (BASE_DIR / Path(value).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        message = f"VAR_DIR is {value!r}, which is no folder ({error}): write a path, for example /srv/pelcro-orders."
        raise ImproperlyConfigured(message) from None


@functools.cache
def make_run_variables() -> dict[str, str]:
    path = var_dir() / "environment.json"
    if not path.is_file():
        return {}
    variables: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return variables


def text(name: str, default: str = "") -> str:
    """Read a variable; an empty one counts as not set."""
    return from_environment(name) or _from_make_run(name) or default


def from_environment(name: str) -> str:
    return os.environ.get(name, "").strip()


def _from_make_run(name: str) -> str:
    # With a key of the real Stripe, nothing of the fake one: the key would be sent to it.
    if name.startswith("STRIPE_") and from_environment("STRIPE_SECRET_KEY"):
        return ""
    return make_run_variables().get(name, "")


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        message = f"{name} is {value!r}; write 1 or 0."
        raise ImproperlyConfigured(message)
    return default


def one_of(name: str, choices: tuple[str, ...]) -> str:
    """Read a word of these; the first one is the default."""
    value = text(name, choices[0])
    if value in choices:
        return value
    message = f"{name} is {value!r}; write {' or '.join(choices)}."
    raise ImproperlyConfigured(message)


def number(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default))
    if value.isascii() and value.isdigit() and least <= int(value) <= most:
        return int(value)
    message = f"{name} is {value!r}; write a whole number from {least} to {most}, for example {default}."
    raise ImproperlyConfigured(message)


def days(name: str, default: int, *, least: int = 1) -> int:
    """Read after how many days something is removed; 0: never."""
    value = number(name, default, least=0, most=36_500)
    if 0 < value < least:
        message = f"{name} is {value}; write {least} or more, or 0 to remove nothing."
        raise ImproperlyConfigured(message)
    return value


def url(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """Read a URL of one of these schemes; a slash at its end is dropped."""
    value = text(name, default)
    if not value:
        return ""
    parts = _split_url(name, value)
    if parts.scheme not in schemes:
        choices = " or ".join(f"{scheme}://…" for scheme in schemes)
        message = f"{name} does not start with {choices}: write it so."
        raise ImproperlyConfigured(message)
    if not (parts.netloc or parts.path.strip("/")):
        message = f"{name} is {value!r}, which names no host: write it after {parts.scheme}://."
        raise ImproperlyConfigured(message)
    return value.rstrip("/")


def stripe_key(name: str, *, prefixes: tuple[str, ...]) -> str:
    value = text(name)
    if value and not (value.startswith(prefixes) and value.isascii() and value.isprintable() and " " not in value):
        # Not the value itself: it may be another secret.
        choices = " or ".join(f"{prefix}…" for prefix in prefixes)
        message = f"{name} is not what Stripe's dashboard shows for it: write the one that begins with {choices}."
        raise ImproperlyConfigured(message)
    return value


def _split_url(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where it is no number
    except ValueError as error:
        # Not the value itself: it may hold a password.
        message = f"{name} is no address ({error}): write scheme://host:port."
        raise ImproperlyConfigured(message) from None
    return parts


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        return ZoneInfo(value).key
    except (OSError, ValueError, ZoneInfoNotFoundError):
        message = f"{name} is {value!r}; write the name of a time zone, for example Europe/Berlin."
        raise ImproperlyConfigured(message) from None


def comma_separated(name: str, default: tuple[str, ...] = ()) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Read IP networks, or single addresses, separated by commas."""
    try:
        return [ip_network(each) for each in comma_separated(name)]
    except ValueError as error:
        message = f"{name}: {error}; write networks such as 10.1.0.0/16,fd00::/8."
        raise ImproperlyConfigured(message) from None
