"""gunicorn's own lines, and uvicorn's, which takes its handlers: formatted as all others."""

from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from pelcro_orders.logs import Formatter


class EdgeLogger(Logger):  # type: ignore[misc]
    """Named by `pelcro_orders.web_server`: the first lines come before Django is loaded."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Formatter(settings.LOG_FORMAT))
