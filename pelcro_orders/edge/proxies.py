"""Whose headers X-Forwarded-… are believed: those of the proxies that gunicorn's `--forwarded-allow-ips` names."""

import logging
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pelcro_orders.edge.wsgi import Environ

logger = logging.getLogger(__name__)
Networks = Sequence[IPv4Network | IPv6Network]
LOOPBACK: Networks = (ip_network("127.0.0.1"), ip_network("::1"))
PREFIX = "HTTP_X_FORWARDED_"


class Proxies:
    def __init__(self, networks: Networks = LOOPBACK, *, all_believed: bool = False) -> None:
        self.networks, self.all_believed, self.has_said = networks, all_believed, False

    def drop_unbelieved(self, environ: Environ) -> None:
        """Take out what anybody else says of for whom, and over what, a request came."""
        said = [name for name in environ if name.startswith(PREFIX)]
        peer = environ["REMOTE_ADDR"]
        if not said or self._believes(peer):
            return
        for name in said:
            del environ[name]
        if not self.has_said:  # once: whoever can connect could fill the log
            self.has_said = True
            sentence = (
                "%s sends X-Forwarded-… and is not believed. If it is a proxy of yours, name it in FORWARDED_ALLOW_IPS."
            )
            logger.warning(sentence, peer)

    def _believes(self, peer: str) -> bool:
        if self.all_believed or not peer:  # a socket of this machine's file system has no address
            return True
        address = ip_address(peer)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)
