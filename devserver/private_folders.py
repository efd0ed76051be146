"""The folders of embedded services: private, and nobody else's."""

import os
import shutil
import stat
from pathlib import Path

from devserver.process import Account, LocalError


def private(folder: Path, account: Account | None = None) -> Path:
    """Make sure of a folder that this account alone may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None and folder.lstat().st_uid == 0:
        os.chown(folder, account.uid, account.gid)
    found, wanted = folder.lstat(), account.uid if account is not None else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != wanted:
        raise LocalError(f"{folder} belongs to another user (id {found.st_uid}): remove it, or start as that user.")
    folder.chmod(0o700)
    return folder


def emptied(folder: Path) -> Path:
    """Take out what an ended run left in a folder of sockets."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder
