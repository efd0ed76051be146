"""Run Python beside migrated services of its own, which keep what they are told as well as real ones.

python -m devserver.run_isolated -m benchmarks --size 10k
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from devserver.process import LocalError
from devserver.temporary_services import Stack
from pelcro_orders import config


def run(arguments: list[str]) -> int:
    """Start the services, run Python with these arguments, end the services; give Python's status."""
    var_dir = config.var_dir()
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not in /tmp, which may be memory: there nothing costs what it does on a disk.
    with (
        tempfile.TemporaryDirectory(prefix="apart-", dir=var_dir) as folder,
        Stack(Path(folder), durable=True) as stack,
    ):
        stack.migrate()
        return subprocess.run([sys.executable, *arguments], check=False, env=stack.env).returncode


def main() -> int:
    """Run, and clear up whether that ends or somebody ends it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(sys.argv[1:])
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
