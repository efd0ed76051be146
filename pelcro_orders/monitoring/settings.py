"""What is said of this release, and who may read the metrics."""

from pelcro_orders import config

RELEASE = config.text("RELEASE", "0.1.0")  # as in pyproject.toml, which an image need not carry
METRICS_TOKEN = config.text("METRICS_TOKEN")
