"""An empty database, migrated once in a run: the workers of pytest-xdist copy it, while each would take ten seconds."""

import os
import subprocess
import threading
import time
from pathlib import Path

from devserver.process import DevServerError
from devserver.temporary_services import TemporaryServices

VARIABLE = "PELCRO_DATABASE_TEMPLATE"  # tells workers where it is
DATABASE = "pelcro"
PATIENCE = 300


def make_meanwhile(services: TemporaryServices) -> None:
    """Make it in the controller, which has nothing else to do while the workers import and collect."""
    os.environ[VARIABLE] = str(services.folder)
    threading.Thread(target=_make, args=(services,), daemon=True).start()


def _make(services: TemporaryServices) -> None:
    try:
        services.postgres.start()
        services.migrate()
        services.postgres.stop()
    except DevServerError as error:
        _say(services.folder, str(error))
    else:
        _say(services.folder, "")


def _said(folder: Path) -> Path:
    return folder / "template-is-made"


def _say(folder: Path, problem: str) -> None:
    new = folder / "template-is-made.new"
    new.write_text(problem, encoding="utf-8")
    new.replace(_said(folder))


def copy_to(services: TemporaryServices) -> bool:
    """Have these services begin with a copy; return whether there is one in this run."""
    if VARIABLE not in os.environ:
        return False
    folder, until = Path(os.environ[VARIABLE]), time.monotonic() + PATIENCE
    while not _said(folder).exists() and time.monotonic() < until:
        time.sleep(0.1)
    if problem := _said(folder).read_text(encoding="utf-8"):
        raise DevServerError(problem)
    # Not by shutil, which would not keep the account that PostgreSQL runs under.
    subprocess.run(["cp", "-a", folder / "postgres", services.postgres.data], check=True)
    return True
