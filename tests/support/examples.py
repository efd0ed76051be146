"""How many examples Hypothesis tries: all of them in `make faults`, and a quarter of them in `make test`."""

import os


def some_of(count: int) -> int:
    return count if os.environ.get("EVERY_EXAMPLE") else count // 4
