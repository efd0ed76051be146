"""Single mails leave before those of mass actions, however many of them wait."""

import threading
import time
from uuid import uuid4

import pytest
from django.core.mail import send_mail
from django.db import connection
from django.test import override_settings

from customers.mail import delivery
from customers.mail.pace import Pace
from customers.models import Mail
from tests.support.mailbox import mail_server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
MANY, CONNECTIONS = 10_000, 4


def mass_mails(count: int) -> None:
    Mail.objects.bulk_create(
        Mail(
            recipient="all@example.com", recipient_key="all@example.com", kind="other", language="en", subject="Mass",
            text="x", message_id=f"<{uuid4()}@example.com>", is_mass=True,
        )
        for _ in range(count)
    )  # fmt: skip


def test_an_orders_mail_is_not_behind_ten_thousand_of_a_mass_action() -> None:
    mass_mails(MANY)
    until = time.monotonic() + 20

    def run() -> None:
        try:
            delivery.send_due(until=until)
        finally:
            connection.close()

    with (
        mail_server() as server,
        override_settings(**server.settings(), MAIL_MAX_PER_SECOND=10_000, MAIL_CONNECTIONS=CONNECTIONS),
    ):
        sending = threading.Thread(target=run)
        sending.start()
        try:
            wait_until(lambda: len(server.got) > 20)
            send_mail("Your order", "x", None, ["ada@example.com"])
            before = len(server.got)
            wait_until(lambda: any(each.rcpt_tos == ["ada@example.com"] for each in server.got))
        finally:
            Mail.objects.filter(is_mass=True, attempts=0).delete()  # the rest of them need not leave
            sending.join()
        position = [each.rcpt_tos for each in server.got].index(["ada@example.com"])
        # Behind what the connections had in their hands, and what their server had not counted yet.
        assert position - before <= 2 * CONNECTIONS
        assert len(set(server.message_ids)) == len(server.message_ids)


def test_the_next_mail_is_found_by_an_index() -> None:
    mass_mails(2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_mail")
        cursor.execute(
            "EXPLAIN SELECT id FROM customers_mail WHERE status = 'queued' AND is_mass"
            " AND next_attempt_at <= statement_timestamp() ORDER BY next_attempt_at, id LIMIT 1"
            " FOR NO KEY UPDATE SKIP LOCKED"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "mail_next" in plan
    assert "Sort" not in plan


def test_no_second_has_more_than_the_rate() -> None:
    pace, moments = Pace(20), []
    for _ in range(50):
        pace.wait()
        moments.append(time.monotonic())
    assert all(later - earlier >= 0.999 for earlier, later in zip(moments, moments[20:], strict=False))
    assert moments[19] - moments[0] < 0.5
