"""What PostgreSQL calls the sessions of this process: pg_stat_activity and waits for locks say whose they are."""

from collections.abc import Sequence
from pathlib import Path

PREFIX, LONGEST = "pelcro-orders", 63  # bytes that PostgreSQL keeps
WEB, WORKER, BEAT = "web", "worker", "beat"


def kind_of(argv: Sequence[str]) -> str:
    """Return web, worker or beat, or the name of the program and of the command that it runs."""
    program = Path(argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    if name == "gunicorn":
        return WEB
    if name == "celery":
        return next((word for word in argv[1:] if word in {WORKER, BEAT}), name)
    return " ".join([name, *argv[1:2]]) if name == "manage.py" else name


def application_name(kind: str) -> str:
    return f"{PREFIX} {kind}".encode("ascii", "replace")[:LONGEST].decode()
