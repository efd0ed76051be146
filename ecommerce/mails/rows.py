"""Write the mails of acts on orders into the outbox: one INSERT, in the act's own transaction, however many orders.

Subject and text are written by the worker, from the rows as they are then.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import connection

from backoffice.enqueue import enqueue_on_commit
from customers.mail.notify import is_mass, notifies
from customers.models import Mail
from customers.tasks import send_mails

# Nobody without an e-mail, nobody erased, and none of a kind that is switched off.
INSERT = """
INSERT INTO customers_mail (
    recipient, recipient_key, sender, headers, kind, language, subject, text, html, data, about_type_id, about_id,
    status, is_mass, attempts, next_attempt_at, error, message_id, provider_id, created_at, queued_at
)
SELECT c.email, c.email_key, '', '{}', %(kind)s, %(language)s, '', '', '', t.data::jsonb,
    (SELECT id FROM django_content_type WHERE app_label = 'ecommerce' AND model = 'order'), o.id,
    'queued', %(is_mass)s, 0, statement_timestamp() + %(wait)s, '', t.message_id, '', statement_timestamp(),
    statement_timestamp()
FROM unnest(%(orders)s::bigint[], %(data)s::text[], %(message_ids)s::text[])
    WITH ORDINALITY AS t(order_id, data, message_id, position)
JOIN ecommerce_order o ON o.id = t.order_id JOIN customers_customer c ON c.id = o.customer_id
WHERE c.email <> '' AND c.erased_at IS NULL
AND NOT EXISTS (SELECT FROM customers_mailtemplate m WHERE m.kind = %(kind)s AND NOT m.enabled)
ORDER BY t.position
"""


def write(
    kind: Mail.Kind,
    entries: Sequence[tuple[int, Mapping[str, Any]]],
    *,
    wait: timedelta = timedelta(0),
    mass: bool = False,
) -> None:
    """Write a mail for each pair of an order's id and the mail's `data`; `wait` is when it is tried first."""
    if not entries or not notifies():
        return
    host = urlsplit(settings.BASE_URL).hostname
    parameters: dict[str, Any] = {
        "kind": kind.value,
        "language": settings.LANGUAGE_CODE,
        "wait": wait,
        "is_mass": mass or is_mass(),
        "orders": [order_id for order_id, _data in entries],
        "data": [json.dumps(data) for _order_id, data in entries],
        "message_ids": [f"<{uuid4()}@{host}>" for _ in entries],
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, parameters)
    enqueue_on_commit(send_mails)
