"""Where the embedded services of one VAR_DIR listen, computed without starting anything."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def socket_folder(var_dir: Path) -> Path:
    """Give the folder of this VAR_DIR's sockets: short, since the path of a socket has 107 bytes at most."""
    return Path(tempfile.gettempdir()) / f"pelcro-{hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]}"
