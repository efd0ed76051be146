"""Read by each Python program whose clock is wrong: libfaketime 0.9.10 breaks sleeping until a monotonic time."""

import select
import time
from typing import SupportsFloat


def sleep(seconds: SupportsFloat) -> None:
    select.select([], [], [], max(float(seconds), 0))


time.sleep = sleep  # type: ignore[assignment]
