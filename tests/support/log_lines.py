"""The lines of the log, as they leave for whoever collects them."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pelcro_orders.logs import Formatter

Line = dict[str, Any]


class Collector(logging.Handler):
    """Formats each line as a server does."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Formatter("json"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @property
    def lines(self) -> list[Line]:
        return [json.loads(text) for text in self.texts]

    def of_order(self, number: str) -> list[Line]:
        """What somebody finds who searches for an order's number in quotes, as docs/operating.md says."""
        return [json.loads(text) for text in self.texts if f'"{number}"' in text]


@contextmanager
def collected() -> Iterator[Collector]:
    collector = Collector()
    logging.getLogger().addHandler(collector)
    try:
        yield collector
    finally:
        logging.getLogger().removeHandler(collector)
