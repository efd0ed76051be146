"""The JSON files of a run below VAR_DIR, and the environment of its child processes."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver import fake_stripe_server
from devserver.programs import LOOPBACK, free_port, port_problem
from pelcro_orders.config import from_environment

PROJECT_VARIABLES = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "BASE_URL", "ALLOWED_HOSTS", "TIME_ZONE", "PORT", "VAR_DIR"),
    *("SECRET_KEY_FALLBACKS", "DATABASE_POOLER", "DATABASE_POOL_SIZE"),
    *("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "STRIPE_JS_URL"),
    *("WEBHOOK_PRIVATE_ADDRESSES", "WEBHOOK_DELIVERY_DAYS", "LOG_FORMAT", "OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN"),
    *("STRIPE_MAX_REQUESTS_PER_SECOND", "STRIPE_MAX_REQUESTS_PER_ENDPOINT", "EXPORT_STORAGE_URL", "STATIC_ROOT"),
)

LOOPBACK_NETWORKS = "127.0.0.0/8,::1/128"


def read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write the file atomically, readable by its owner only."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(record, file, indent=2)
        file.write("\n")
    new.replace(path)


def choose_variables(var_dir: Path) -> dict[str, str]:
    """Choose what the environment leaves open, and store it for every command beside this run."""
    file = var_dir / "environment.json"
    stored = read_json(file)
    chosen = {"SECRET_KEY": from_environment("SECRET_KEY") or stored.get("SECRET_KEY") or secrets.token_urlsafe(50)}
    if not from_environment("STRIPE_SECRET_KEY"):
        chosen |= fake_stripe_server.environment(_fake_stripe_port(stored.get("STRIPE_API_BASE", "")))
        # `manage.py webhook_receiver` listens on this machine.
        chosen["WEBHOOK_PRIVATE_ADDRESSES"] = from_environment("WEBHOOK_PRIVATE_ADDRESSES") or LOOPBACK_NETWORKS
    write_json(file, {name: value for name, value in chosen.items() if value != from_environment(name)})
    return chosen


def _fake_stripe_port(stored_url: str) -> int:
    # The same as last time where that is free: open browser tabs hold the address of its card field.
    port = stored_url.rpartition(":")[2]
    return (
        int(port)
        if port.isdigit() and port != from_environment("PORT") and not port_problem(int(port))
        else free_port()
    )


def child_environment(var_dir: Path, chosen: Mapping[str, str]) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("GUNICORN_", "CELERY_", "PG"))
    }
    bypass = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), LOOPBACK, "localhost")))
    return {
        **inherited,
        **chosen,
        "VAR_DIR": str(var_dir),
        "STATIC_ROOT": from_environment("STATIC_ROOT") or str(var_dir / "static"),
        "LOG_FORMAT": from_environment("LOG_FORMAT") or "line",  # people read the logs of `make run`
        "DJANGO_SETTINGS_MODULE": "pelcro_orders.settings",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


def without_project_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Remove all variables that this project or PostgreSQL's client reads."""
    return {
        name: value
        for name, value in environment.items()
        if name not in PROJECT_VARIABLES and not name.startswith("PG")
    }
