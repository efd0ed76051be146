"""Read by each program that waits for Redis: Celery's waits between its attempts, a hundred times shorter."""

from typing import Any

from kombu import connection
from kombu.utils import functional

_retry_over_time: Any = functional.retry_over_time


def retry_soon(*arguments: Any, **options: Any) -> Any:
    # Function, exceptions, arguments, their names, what is told, attempts; then the seconds of three waits.
    return _retry_over_time(*arguments[:6], 0.02, 0.02, 0.1, *arguments[9:], **options)


vars(connection)["retry_over_time"] = retry_soon
