"""Stripe's secrets, wherever they stand in a text or in JSON: of intents, ephemeral keys, endpoints, and API keys.

With an intent's secret a browser can confirm or read it, so that only its customer may have it, until it is closed.
"""

import re
from typing import Any

REMOVED = "[removed]"
# pi_…_secret_…, seti_…_secret_…, cs_…_secret_…; ek_live_…, sk_test_…, rk_live_…; whsec_….
SECRET = re.compile(r"\b[a-z]+_\w*?_secret_\w+|\b(?:ek|sk|rk)_(?:live|test)_\w+|\bwhsec_[\w+/=]+", re.ASCII)
FIELDS = {"client_secret", "secret", "ephemeral_key", "client_secrets"}


def without_secrets(text: str) -> str:
    return SECRET.sub(REMOVED, text)


def strip_secrets(value: Any) -> Any:
    """Return JSON without the fields that hold a secret, and without secrets in its texts, at any depth."""
    match value:
        case dict():
            return {name: strip_secrets(child) for name, child in value.items() if name not in FIELDS}
        case list():
            return [strip_secrets(child) for child in value]
        case str():
            return without_secrets(value)
        case _:
            return value
