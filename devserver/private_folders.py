"""The folders of embedded services, which only their own account may enter."""

import os
import shutil
import stat
from pathlib import Path

from devserver.process import Account, DevServerError


def ensure_private(folder: Path, account: Account | None = None) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None and folder.lstat().st_uid == 0:
        os.chown(folder, account.uid, account.gid)
    found, expected = folder.lstat(), account.uid if account is not None else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected:
        raise DevServerError(f"{folder} belongs to another user (id {found.st_uid}): remove it, or start as that user.")
    folder.chmod(0o700)
    return folder


def make_private(folder: Path) -> None:
    """Take from other users what an earlier version let them read: the folder with all that is in it."""
    for parent, folders, files in os.walk(folder):
        Path(parent).chmod(0o700)
        for name in (*folders, *files):
            entry = Path(parent) / name
            if not entry.is_symlink():
                entry.chmod(0o700 if entry.is_dir() else 0o600)


def empty(folder: Path) -> Path:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder
