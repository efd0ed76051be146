"""Run Python with temporary services that are migrated and as durable as real ones.

python -m devserver.run_isolated -m benchmarks --size 10k
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from devserver.process import DevServerError
from devserver.temporary_services import TemporaryServices
from pelcro_orders import config


def run(arguments: list[str]) -> int:
    os.umask(0o077)
    var_dir = config.var_dir()
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not in /tmp, which may be in memory: a benchmark must pay for the disk.
    with (
        tempfile.TemporaryDirectory(prefix="isolated-", dir=var_dir) as folder,
        TemporaryServices(Path(folder), durable=True) as services,
    ):
        services.migrate()
        return subprocess.run([sys.executable, *arguments], check=False, env=services.env).returncode


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(sys.argv[1:])
    except DevServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
