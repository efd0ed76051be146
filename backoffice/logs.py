"""Lines of the log that name what they are about: fields, and the ids that each line of a request or task carries."""

import contextvars
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from structlog.contextvars import bound_contextvars, get_contextvars

ORDERS_OF_A_LINE = 500  # some 8 KB: log drivers cut lines at 16
P = ParamSpec("P")
T = TypeVar("T")


def bound(**ids: Any) -> AbstractContextManager[None]:
    """Have all lines that are written inside carry these fields."""
    return bound_contextvars(**ids)


def in_context(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function to be run once in another thread, whose lines carry what those of this one do."""
    context = contextvars.copy_context()

    def run(*args: P.args, **options: P.kwargs) -> T:
        return context.run(function, *args, **options)

    return run


def info(logger: logging.Logger, message: str, **fields: Any) -> None:
    """Write a line with fields at once: for what is committed, or outside the database."""
    logger.info(message, extra=fields)


def info_on_commit(logger: logging.Logger, message: str, **fields: Any) -> None:
    """Write a line once the transaction is committed, and none if it is not; with the ids that are bound now."""
    if logger.isEnabledFor(logging.INFO):
        extra = {**get_contextvars(), **fields}
        transaction.on_commit(lambda: logger.info(message, extra=extra), robust=True)


def info_of_orders(logger: logging.Logger, message: str, numbers: Sequence[str], **fields: Any) -> None:
    """Write lines on commit that name many orders, some hundred each; a field that is a list goes along with them."""
    for first in range(0, len(numbers), ORDERS_OF_A_LINE):
        part = slice(first, first + ORDERS_OF_A_LINE)
        said = {name: value[part] if isinstance(value, list) else value for name, value in fields.items()}
        info_on_commit(logger, message, orders=list(numbers[part]), **said)
