"""How often a password may be tried: the one place that decides, for staff and customers, pages and API.

An attempt counts for the account and the device or address that it comes from. So a stranger can lock out neither all,
who may share one address behind a proxy, nor the owner of an account, whose devices are known. The longer guessing goes
on, the longer are the waits.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from allauth.core.internal import ratelimit
from django.http import HttpRequest

from customers.emails import email_key
from customers.known_devices import device_of
from customers.models import User

logger = logging.getLogger(__name__)
RATES = {
    # of one account, on a device that it has signed in on before
    "device": "10/5m/key,40/1h/key,120/1d/key",
    # of one account, from one address
    "pair": "5/5m/key,20/1h/key,60/1d/key",
    # of one account, from all addresses together: guessing that is spread over many
    "account": "60/1h/key,300/1d/key",
    # of all accounts, from one address on the internet: one password tried on many accounts
    "address": "100/10m/key,500/1d/key",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt that was counted before the password was looked at, so that many at once are counted, too."""

    account: str
    address: str
    counted: list[Any]

    def succeeded(self) -> None:
        """Uncount this attempt alone: earlier failures stay, or one's own account would reset an address."""
        for usage in self.counted:
            usage.rollback()

    def failed(self) -> None:
        logger.warning("Sign-in failed: %s, from %s.", self.account, self.address)


def begin_attempt(request: HttpRequest, credentials: dict[str, Any]) -> Attempt | None:
    """Count an attempt; None says that it is one too many, and the password must not be looked at."""
    user, name = _account(credentials)
    account = f"user {user.pk}" if user else "an unknown account"  # not what was typed: it may be a password
    attempt = Attempt(account, ratelimit.get_ip(request), [])
    for rate, key in _limits(request, user, name, attempt.address):
        usage = _count(request, rate, key)
        if usage is None:
            logger.warning("Sign-in refused, too many attempts: %s, from %s.", attempt.account, attempt.address)
            return None
        attempt.counted.append(usage)
    return attempt


def forget_failures(request: HttpRequest, user: User) -> None:
    """Let a user in who has proven to be the owner by a link in an e-mail."""
    for rate, key in (("pair", f"{user.pk} {ratelimit.get_ip(request)}"), ("account", str(user.pk))):
        ratelimit.clear(request, app="sign_in", action=rate, config=RATES, key=key)


def _account(credentials: dict[str, Any]) -> tuple[User | None, str]:
    username, email = (str(credentials.get(name) or "").replace("\0", "") for name in ("username", "email"))
    user = User.objects.filter(username=username) if username else User.objects.with_email(email)
    return user.first(), email_key(username or email)


def _limits(request: HttpRequest, user: User | None, name: str, address: str) -> Iterator[tuple[str, str]]:
    account = str(user.pk) if user else f"unknown {name}"
    if device := device_of(request, user):
        yield "device", f"{account} {device}"
        return
    # An address of a private network is a proxy's or an office's, which all share.
    if ip_address(address).is_global:
        yield "address", address
    yield "pair", f"{account} {address}"
    yield "account", account


def _count(request: HttpRequest, rate: str, key: str) -> Any:
    return ratelimit.consume(request, app="sign_in", action=rate, config=RATES, key=key, limit_get=True)
