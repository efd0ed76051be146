"""Run Python beside migrated services of its own, which keep what they are told as well as real ones.

python -m pelcro_orders.local.apart -m benchmarks --size 10k
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from pelcro_orders.local.stack import Stack


def main() -> int:
    """Start the services, run Python with the arguments given, end the services."""
    with tempfile.TemporaryDirectory(prefix="pelcro-apart-") as folder, Stack(Path(folder), durable=True) as stack:
        stack.migrate()
        return subprocess.run([sys.executable, *sys.argv[1:]], check=False, env=stack.env).returncode


if __name__ == "__main__":
    sys.exit(main())
