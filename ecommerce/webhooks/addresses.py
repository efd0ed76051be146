"""Which addresses may be called: none inside our own network, by whatever name, unless a setting allows it."""

import asyncio
import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

IP = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
FIRST_FREE_PORT = 1024
"""Below it only the two ports of the web: the others belong to mail, remote shells and the like."""
MAX_PORT = 65535
NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
NAT64 = IPv6Network("64:ff9b::/96")
COMPATIBLE = IPv6Network("::/96")
NOT_PUBLIC = [ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20")]
"""What `is_global` counts as public and is not: 192.0.0.192 and 168.63.129.16 tell virtual machines their secrets."""


class AddressRefused(Exception):
    """An address that is not called; its text is a sentence for people."""


def parse(address: str) -> httpx.URL:
    """Return the URL of an address that may be called as far as its text tells; raise AddressRefused."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused(_("This is no address: write it like https://example.com/hooks.")) from error
    if url.scheme not in PORTS or not url.host or "%" in url.host:
        raise AddressRefused(_("Write an address that begins with https:// or http:// and names a host."))
    if url.userinfo:
        raise AddressRefused(_("Leave user name and password out: requests are signed instead."))
    if _port(url) not in PORTS.values() and not FIRST_FREE_PORT <= _port(url) <= MAX_PORT:
        raise AddressRefused(_("Choose port 80, 443, or one from 1024 on."))
    _check_number(url.host)
    return url


def check(address: str) -> None:
    """Raise AddressRefused if an address can't be called now; for forms, which want to say so at once."""
    url = parse(address)
    try:
        found = socket.getaddrinfo(url.raw_host.decode(), _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unknown(url) from error
    _checked(url, found)


async def resolve(url: httpx.URL) -> IP:
    """Return the IP address to connect to, which is that very one that was checked; raise AddressRefused."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.raw_host.decode(), _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unknown(url) from error
    return _checked(url, found)


def is_allowed(ip: IP) -> bool:
    """Whether an IP address is on the public Internet, or a setting allows it."""
    if any(ip in network for network in settings.WEBHOOK_PRIVATE_ADDRESSES):
        return True
    if isinstance(ip, IPv6Address):
        inner = _inside(ip)
        if inner is not None:
            return is_allowed(inner)
        if ip.is_site_local:
            return False
    is_special = ip.is_multicast or ip.is_reserved or any(ip in network for network in NOT_PUBLIC)
    return ip.is_global and not is_special


def _inside(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if ip in NAT64 or (ip in COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _checked(url: httpx.URL, found: Sequence[tuple[object, object, object, object, tuple[object, ...]]]) -> IP:
    ips = [ip_address(str(address[0]).partition("%")[0]) for *_rest, address in found]
    for ip in ips:
        if not is_allowed(ip):
            host = url.host if url.host == str(ip) else f"{url.host} ({ip})"
            raise AddressRefused(_("%(host)s is inside a private network, which is not called.") % {"host": host})
    if not ips:
        raise _unknown(url)
    return ips[0]


def _check_number(host: str) -> None:
    # A resolver reads 2130706433, 0x7f.1 and 127.1 as 127.0.0.1: whoever writes so has something to hide.
    if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            ip_address(host)
        except ValueError as error:
            raise AddressRefused(_("Write an IP address as four decimal numbers, or a host's name.")) from error


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else PORTS[url.scheme]


def _unknown(url: httpx.URL) -> AddressRefused:
    return AddressRefused(_("The host %(host)s is not known.") % {"host": url.host})
