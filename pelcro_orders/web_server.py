"""gunicorn's settings: `gunicorn --config python:pelcro_orders.web_server`. Its options override them."""

import os
from typing import Any

from pelcro_orders.config import number
from pelcro_orders.startup import refuse_too_many_connections

wsgi_app = "pelcro_orders.asgi"
# Else gunicorn listens on all addresses wherever PORT is set.
bind = f"127.0.0.1:{number('PORT', 8000, least=1, most=65535)}"
worker_class = "pelcro_orders.edge.worker.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8  # each with a connection to PostgreSQL
preload_app = True
timeout = 60
graceful_timeout = 25
control_socket_disable = True
logger_class = "pelcro_orders.edge.logger.EdgeLogger"


def on_starting(server: Any) -> None:
    """Count what this web server may open, once its options are known and Django is loaded."""
    each = number("DATABASE_POOL_SIZE", 0, least=0, most=1000) or server.cfg.threads
    formula = f"{server.cfg.workers} web processes x {each}"
    refuse_too_many_connections(needed=server.cfg.workers * each, formula=formula)
