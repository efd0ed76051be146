"""Programs whose clock is wrong: libfaketime reaches a child process, and a file changes its clock while it runs."""

import os
from pathlib import Path

import pytest

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def wrong_clock(offset: str, file: Path | None = None) -> dict[str, str]:
    """Return the environment of a program whose clock is off by this much ("+10m", "-3d"), or by what a file says."""
    if not LIBRARIES:
        missing = "libfaketime is missing: install Debian's package faketime."
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    common = {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    common |= {"NO_FAKE_STAT": "1", "PYTHONPATH": str(Path(__file__).parent / "wrong_clock")}
    if file is None:
        return common | {"FAKETIME": offset}
    file.write_text(offset)
    return common | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}
