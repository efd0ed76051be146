"""What is sent, and how it is signed: as Standard Webhooks say (standardwebhooks.com), and as Pelcro does.

A receiver may check either. `webhook-id` is the id of the event, the same however often it is sent.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.models.webhook import SECRET_PREFIX

USER_AGENT = "Pelcro-Orders-Webhooks/1"


def envelope(delivery: WebhookDelivery, obj: dict[str, Any]) -> str:
    """Return the body of a request, as Pelcro writes it; `sequence` grows with each event of a stream."""
    content = {
        "type": delivery.type,
        "id": delivery.event_id,
        "created": int(delivery.created_at.timestamp()),
        "triggered_from": delivery.triggered_from,
        "data": {"object": obj},
        "sequence": delivery.sequence,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def headers(event_id: str, body: bytes, *, secrets: Sequence[str], at: int) -> dict[str, str]:
    """Return the headers of a request; `at` is when it is sent, in seconds, and the first secret the present one."""
    signed = f"{event_id}.{at}.".encode() + body
    signatures = (_mac(b64decode(secret.removeprefix(SECRET_PREFIX)), signed) for secret in secrets)
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        # Keyed with the secret as it is shown. It has room for one signature, which is the present secret's.
        "x-pelcro-hmac-sha256": _mac(secrets[0].encode(), body),
    }


def secrets_of(endpoint: WebhookEndpoint, *, at: datetime) -> list[str]:
    """The secrets that are valid, the present one first."""
    until = endpoint.previous_secret_until
    return [endpoint.secret, *([endpoint.previous_secret] if until and until > at else [])]


def _mac(key: bytes, content: bytes) -> str:
    return b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
