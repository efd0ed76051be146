"""The floor of each page: its rows fetched by hand-written SQL, without any HTML."""

from typing import Any

from django.db import connection

from benchmarks.figures import median_ms
from benchmarks.orders import Sample
from customers.emails import email_key

ROWS = """
SELECT o.id, o.number, o.status, o.money_state, o.summary, o.total, o.currency, o.created_at,
    c.first_name, c.last_name, c.email
FROM ecommerce_order o JOIN customers_customer c ON c.id = o.customer_id
"""
NEWEST = "ORDER BY o.id DESC LIMIT 100"
PAGES = {
    "list_first": [f"{ROWS} {NEWEST}"],
    "list_paid": [f"{ROWS} WHERE o.status = 'paid' {NEWEST}"],
    "list_last": [f"{ROWS} ORDER BY o.id LIMIT 100"],
    "search_number": [f"{ROWS} WHERE o.number = %(number)s"],
    "search_email": [f"{ROWS} WHERE c.email_key = %(email_key)s {NEWEST}"],
    "search_name": [
        f"""{ROWS} WHERE o.id IN (
            SELECT order_id FROM ecommerce_orderwords WHERE words @@ search_query(%(words)s, false)
        ) {NEWEST}"""
    ],
    "order_page": [
        """SELECT * FROM ecommerce_order o JOIN customers_customer c ON c.id = o.customer_id
        LEFT JOIN billing_invoice i ON i.id = o.invoice_id LEFT JOIN billing_payment p ON p.invoice_id = i.id
        WHERE o.id = %(order_id)s""",
        "SELECT * FROM ecommerce_orderitem WHERE order_id = %(order_id)s",
        "SELECT * FROM ecommerce_orderevent WHERE order_id = %(order_id)s",
    ],
}


def page_ms(name: str, sample: Sample, *, rounds: int) -> float:
    params = {
        "number": sample.number,
        "email_key": email_key(sample.email),
        "order_id": sample.order_id,
        "words": sample.name,
    }
    return median_ms(lambda: [fetch(sql, params) for sql in PAGES[name]], rounds=rounds)


def fetch(sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
