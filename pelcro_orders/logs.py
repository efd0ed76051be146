"""What is logged, and how a line of the log reads."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "backoffice.stripe_secrets.SecretlessFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "stripe": {"level": "WARNING"},  # logs each request at INFO
        "httpx": {"level": "WARNING"},  # as Stripe's, with addresses that may hold a secret
        "pyBarcode": {"level": "WARNING"},  # says at INFO that it draws no pictures, which nobody asks it to
    },
}
