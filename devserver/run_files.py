"""What a run writes down about itself: what it chose, what it started, where to find it."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver import fake_stripe_server
from devserver.programs import LOOPBACK, free_port, why_not
from pelcro_orders.config import from_environment

NAMES = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "BASE_URL", "ALLOWED_HOSTS", "TIME_ZONE", "PORT", "VAR_DIR"),
    *("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "STRIPE_JS_URL"),
    *("STRIPE_MAX_REQUESTS_PER_SECOND", "EXPORT_STORAGE_URL", "STATIC_ROOT"),
)


def read(path: Path) -> dict[str, Any]:
    """Read a record; nothing where there is none."""
    if not path.is_file():
        return {}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record that its owner alone may read, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(record, file, indent=2)
        file.write("\n")
    new.replace(path)


def choose(var_dir: Path) -> dict[str, str]:
    """Choose what the environment leaves open, keep it for every command beside this run, and give it."""
    file = var_dir / "environment.json"
    kept = read(file)
    chosen = {"SECRET_KEY": from_environment("SECRET_KEY") or kept.get("SECRET_KEY") or secrets.token_urlsafe(50)}
    if not from_environment("STRIPE_SECRET_KEY"):
        chosen |= fake_stripe_server.variables(_sandbox_port(kept.get("STRIPE_API_BASE", "")))
    write(file, {name: value for name, value in chosen.items() if value != from_environment(name)})
    return chosen


def _sandbox_port(kept: str) -> int:
    # The same as last time where that is free: browsers have the address of its card field.
    port = kept.rpartition(":")[2]
    return int(port) if port.isdigit() and port != from_environment("PORT") and not why_not(int(port)) else free_port()


def surroundings(var_dir: Path, chosen: Mapping[str, str]) -> dict[str, str]:
    """Give the whole environment of the project's programs."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("GUNICORN_", "CELERY_", "PG"))
    }
    bypass = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), LOOPBACK, "localhost")))
    return {
        **inherited,
        **chosen,
        "VAR_DIR": str(var_dir),
        "STATIC_ROOT": from_environment("STATIC_ROOT") or str(var_dir / "static"),
        "DJANGO_SETTINGS_MODULE": "pelcro_orders.settings",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


def without_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without anything that this project or PostgreSQL's client reads."""
    return {name: value for name, value in variables.items() if name not in NAMES and not name.startswith("PG")}
