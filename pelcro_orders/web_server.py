"""gunicorn's settings: `gunicorn --config python:pelcro_orders.web_server`. Its options override them."""

import os

from pelcro_orders.config import number

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
