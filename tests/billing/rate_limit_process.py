"""Many threads that wait for permission to call Stripe: `python -m tests.billing.rate_limit_process 16 5`.

Prints the moments at which permission was given, and the CPU seconds that waiting took.
"""

import json
import resource
import sys
import threading
import time

import django

django.setup()

from billing import rate_limit  # noqa: E402 - settings first


def main(threads: int, seconds: float) -> None:
    moments: list[float] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    until = time.monotonic() + seconds

    def call() -> None:
        while time.monotonic() < until:
            rate_limit.wait()
            moments.append(time.time())

    at_once = [threading.Thread(target=call) for _ in range(threads)]
    before = resource.getrusage(resource.RUSAGE_SELF)
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"moments": moments, "cpu": cpu}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
