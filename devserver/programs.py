"""The project's own programs, as `make run` and the tests start them."""

import secrets
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from devserver.process import Process
from pelcro_orders.config import BASE_DIR

LOOPBACK = "127.0.0.1"
# Never through a proxy of the environment: what is asked here is on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
NOT_FOR_OUTGOING = range(20_000, 32_000)
ROOT_IS_MEANT = "ignore:You're running the worker with superuser privileges"


def why_not(port: int) -> str:
    """Say why no server can listen on this port now; nothing where one can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except PermissionError:
            return "is for root alone"
        except OSError:
            return "is taken by another program"
    return ""


def free_port() -> int:
    """Give a port that nobody listens on, and that stays free until it is used.

    Any above these may meanwhile be given to somebody's outgoing connection.
    """
    while why_not(port := secrets.choice(NOT_FOR_OUTGOING)):
        continue
    return port


def says_yes(url: str) -> bool:
    """Ask a URL and say whether it answers 200."""
    try:
        with OPENER.open(url, timeout=5) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own number
    except (urllib.error.URLError, OSError):
        return False


def logs(var_dir: Path) -> Path:
    """Give the folder of every program's log."""
    return var_dir / "log"


def web(env: Mapping[str, str], var_dir: Path, port: int) -> Process:
    """Serve the pages on a port of this machine."""
    return Process(
        name="web",
        argv=[
            *(sys.executable, "-m", "gunicorn", "pelcro_orders.wsgi", "--bind", f"{LOOPBACK}:{port}", "--preload"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "8"),
            *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
        ],
        log=logs(var_dir) / "web.log",
        answers=lambda: says_yes(f"http://{LOOPBACK}:{port}/healthz"),
        env=env,
    )


def worker(env: Mapping[str, str], var_dir: Path, name: str = "worker") -> Process:
    """Work off what rings."""
    log = logs(var_dir) / f"{name}.log"
    process = Process(
        name=name,
        argv=[
            *(sys.executable, "-m", "celery", "-A", "pelcro_orders", "worker", "--hostname", f"{name}@%h"),
            *("--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle"),
        ],
        log=log,
        answers=lambda: process.said(" ready."),
        env={**env, "PYTHONWARNINGS": ROOT_IS_MEANT},
    )
    return process


def beat(env: Mapping[str, str], var_dir: Path) -> Process:
    """Ring by the clock, for rows that nobody rang for."""
    schedule = var_dir / "beat" / "schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    process = Process(
        name="beat",
        argv=[
            *(sys.executable, "-m", "celery", "-A", "pelcro_orders", "beat", "--loglevel", "INFO"),
            *("--schedule", str(schedule), "--pidfile", ""),
        ],
        log=logs(var_dir) / "beat.log",
        answers=lambda: process.said("beat: Starting"),
        env=env,
    )
    return process


def command(env: Mapping[str, str], var_dir: Path, *arguments: str) -> Process:
    """Run a command of `manage.py`, which does its work and ends."""
    return Process(
        name=f"command `{arguments[0]}`",
        argv=[sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        log=logs(var_dir) / f"{arguments[0]}.log",
        answers=lambda: True,
        env=env,
    )
