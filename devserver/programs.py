"""Command lines of the project's programs: web, worker, beat, manage.py."""

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
# Never through a proxy of the environment: all requests here stay on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Higher ports may meanwhile be given to an outgoing connection.
BELOW_EPHEMERAL_PORTS = range(20_000, 32_000)
ALLOW_ROOT = "ignore:You're running the worker with superuser privileges"


def port_problem(port: int) -> str:
    """Why no server can listen on this port, or an empty string."""
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
    while port_problem(port := secrets.choice(BELOW_EPHEMERAL_PORTS)):
        continue
    return port


def responds_ok(url: str) -> bool:
    try:
        with OPENER.open(url, timeout=5) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP's own number
    except (urllib.error.URLError, OSError):
        return False


def log_folder(var_dir: Path) -> Path:
    return var_dir / "log"


def web(env: Mapping[str, str], var_dir: Path, port: int) -> Process:
    return Process(
        name="web",
        argv=[
            *(sys.executable, "-m", "gunicorn", "--config", "python:pelcro_orders.web_server"),
            *("--bind", f"{LOOPBACK}:{port}", "--graceful-timeout", "5"),
        ],
        log=log_folder(var_dir) / "web.log",
        ready_check=lambda: responds_ok(f"http://{LOOPBACK}:{port}/healthz"),
        env=env,
    )


def worker(env: Mapping[str, str], var_dir: Path, name: str = "worker") -> Process:
    process = Process(
        name=name,
        argv=[
            *(sys.executable, "-m", "celery", "-A", "pelcro_orders", "worker", "--hostname", f"{name}@%h"),
            *("--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle"),
        ],
        log=log_folder(var_dir) / f"{name}.log",
        ready_check=lambda: process.log_contains(" ready."),
        env={**env, "PYTHONWARNINGS": ALLOW_ROOT},
    )
    return process


def beat(env: Mapping[str, str], var_dir: Path) -> Process:
    process = Process(
        name="beat",
        argv=[sys.executable, "-m", "celery", "-A", "pelcro_orders", "beat", "--loglevel", "INFO"],
        log=log_folder(var_dir) / "beat.log",
        ready_check=lambda: process.log_contains("beat: Starting"),
        env=env,
    )
    return process


def manage_command(env: Mapping[str, str], var_dir: Path, *arguments: str) -> Process:
    return Process(
        name=f"command `{arguments[0]}`",
        argv=[sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        log=log_folder(var_dir) / f"{arguments[0]}.log",
        ready_check=lambda: True,
        env=env,
    )
