"""What a line of the log holds: fields, the ids of its request or task, and never a secret."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings
from gunicorn.config import Config

from backoffice import logs
from backoffice.log_secrets import without_log_secrets
from billing.tasks import make_documents, process_event
from customers.accounts import create_account
from ecommerce.models import ApiKey
from pelcro_orders import task_logs, web_server
from pelcro_orders.celery import app
from pelcro_orders.logs import Formatter
from tests.support.api_client import CORE, PASSWORD, SDK, Api, sign_in
from tests.support.factories import ANA, make_customer, make_user, place_order
from tests.support.log_lines import Collector, Line, collected
from tests.support.source_tree import ROOT

logger = logging.getLogger("tests.logs")


@pytest.fixture
def log() -> Iterator[Collector]:
    with collected() as collector:
        yield collector


def formatted(form: str, message: str, *args: object, error: Exception | None = None, **fields: Any) -> str:
    trace = (type(error), error, None) if error else None
    record = logging.LogRecord("billing", logging.ERROR, "x.py", 1, message, args, trace)
    record.__dict__.update(fields)
    return Formatter(form).format(record)


def test_a_line_of_json_has_fields() -> None:
    with logs.bound(request_id="r1", order="1001"):
        line = json.loads(formatted("json", "Failed: %s", "x", error=ValueError("no"), payment_id=5, empty="", odd={}))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "error",
        "logger": "billing",
        "message": "Failed: x",
        "payment_id": 5,
        "request_id": "r1",
        "order": "1001",
        "exception": "ValueError: no",
    }


def test_a_line_for_people_has_the_ids_behind_the_words() -> None:
    line = formatted("line", "Order paid", order="1001", payment_ids=[5, 6], error=ValueError("no"))
    assert line.partition(" ")[2] == "ERROR billing: Order paid [order=1001 payment_ids=5,6]\nValueError: no"


SECRETS = [
    "pi_3Abc_secret_Def456",
    "seti_1_secret_2",
    "ek_live_YWNj",
    "sk_live_4eC39",
    "rk_test_1a",
    "whsec_a+b/c=",
    "tok_1Nabc",
    "po_0a1b2c3d_Xy-z_9",
    "eyJhbGciOi.eyJzdWIi.s1g_n-a",
]
IN_ADDRESSES = [
    ("GET /pay/{}/", "WyJh.b_-c"),
    ("Refused: /documents/{}/", "credit-note:17:20600:s_ig-N"),
    ("/admin/invitation/{}/", "aB3-_x"),
    ("/admin/password/reset/{}/", "2b-cxyz1-0f9e"),
    ("https://shop.example.com/shop/password/#{}", "2b:1a-b_c"),
    ("https://shop.example.com/shop/confirm/#{}", "MQ:1tX:a-b_c"),
    ("postmark://{}@", "SERVER-TOKEN"),
    ("redis://{}@redis:6379/0", "user:pass%2Fword"),
    ("/admin/oidc/sso/login/callback/?code={}&scope=openid", "4/0AX4"),
    ("Authorization: Basic {}", "bmFtZTpwYXNz"),
    ("Bearer {}", "any.thing-else"),
    ("password={}", "hunter2"),
    ('{{"client_secret": "{}"}}', "abc"),
    ("{{'api_key': '{}'}}", "abc"),
    ("Cookie: sessionid={}; x=1", "s3ss1on"),
]


@pytest.mark.parametrize(
    "text", [*(f"No such object: '{each}'" for each in SECRETS), *(path.format(key) for path, key in IN_ADDRESSES)]
)
@pytest.mark.parametrize("form", ["json", "line"])
def test_no_field_message_argument_or_traceback_holds_a_secret(form: str, text: str) -> None:
    secret = next(each for each in (*SECRETS, *(key for _path, key in IN_ADDRESSES)) if each in text)
    with logs.bound(path=text):
        line = formatted(
            form, text.replace("%", "%%") + " %s", text, error=ValueError(text), detail=text, several=[text, text]
        )
    assert line.count("[removed]") >= 6
    assert secret not in line


def test_what_is_no_secret_stays() -> None:
    line = (
        '{"code": "card_declined", "path": "/api/v1/sdk/auth/token/refresh", "key": "pi_3Abc", "url": "http://h/a@b"}'
    )
    assert without_log_secrets(line) == line
    assert without_log_secrets("/exports/documents/2026/11/17-a.pdf") == "/exports/documents/2026/11/17-a.pdf"


# Requests


def access_line(log: Collector) -> Line:
    (line,) = (line for line in log.lines if line["logger"] == "pelcro_orders.request_log")
    return line


@pytest.mark.django_db
def test_a_request_has_a_line_with_status_duration_and_user(client: Client, log: Collector) -> None:
    user = make_user(is_superuser=True)
    client.force_login(user)
    answer = client.get("/admin/ecommerce/order/?q=Ada%20Lovelace", headers={"X-Request-ID": "from-anybody"})
    line = access_line(log)
    assert (line["message"], line["path"], line["status"]) == ("GET 200", "/admin/ecommerce/order/", 200)
    assert (line["user_id"], line["actor"]) == (user.pk, f"staff:{user.pk}")
    assert line["duration_ms"] > 0
    assert answer.headers["X-Request-ID"] == line["request_id"] != "from-anybody"
    assert "Ada" not in str(line)


@pytest.mark.django_db
def test_a_payment_link_and_a_key_are_in_no_line(log: Collector) -> None:
    assert Client().get("/pay/WyJh.b_-c/").status_code == 404
    _key, text = ApiKey.objects.create_key(name="Warehouse", permissions=["ecommerce.view_order"], by=ANA)
    order = place_order()
    assert Api(text).get(f"{CORE}/orders/{order.number}").status == 200
    line = next(line for line in log.lines if line.get("path", "").startswith(CORE))
    assert (line["order"], line["actor"]) == (order.number, f"api_key:Warehouse ({text[3:11]})")
    written = "\n".join(log.texts)
    assert "/pay/[removed]/" in written
    assert "WyJh" not in written
    assert text not in written


@pytest.mark.django_db
def test_whoever_is_not_signed_in_is_a_visitor_and_a_customer_has_their_number(log: Collector) -> None:
    customer = make_customer()
    create_account(customer=customer, password=PASSWORD)
    Client().get("/shop/")
    assert Api().post(f"{SDK}/auth/login", {"email": customer.email, "password": "wrong"}).status == 401
    sign_in(customer.email).get(f"{SDK}/ecommerce/orders")
    actors = [line["actor"] for line in log.lines if line["logger"] == "pelcro_orders.request_log"]
    assert actors == ["visitor", "visitor", "visitor", f"customer:{customer.user_id}"]


@pytest.mark.django_db
def test_the_id_that_a_trusted_proxy_gave_is_kept(client: Client, log: Collector) -> None:
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        assert client.get("/shop/", headers={"X-Request-ID": "ab12-cd34"}).headers["X-Request-ID"] == "ab12-cd34"
        forged = client.get("/shop/", headers={"X-Request-ID": 'a" b'}).headers["X-Request-ID"]
    assert len(forged) == 32
    assert log.lines[0]["request_id"] == "ab12-cd34"


# Transactions, threads, tasks


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_has_no_line_and_what_is_committed_one_with_the_ids_of_then(log: Collector) -> None:
    with logs.bound(request_id="r1"), transaction.atomic():
        with logs.bound(payment_id=5):
            logs.info_on_commit(logger, "kept")
        with transaction.atomic():
            logs.info_on_commit(logger, "lost")
            transaction.set_rollback(True)
        assert log.texts == []
    assert [(line["message"], line["request_id"], line["payment_id"]) for line in log.lines] == [("kept", "r1", 5)]


@pytest.mark.django_db(transaction=True)
def test_many_orders_are_named_some_hundred_a_line(log: Collector) -> None:
    numbers = [str(each) for each in range(1201)]
    logs.info_of_orders(logger, "all", numbers, refund_ids=list(range(1201)), job_id=7)
    assert [len(line["orders"]) for line in log.lines] == [500, 500, 201]
    assert all([str(each) for each in line["refund_ids"]] == line["orders"] for line in log.lines)
    assert max(map(len, log.texts)) < 16_000


def test_lines_of_a_thread_carry_what_those_of_its_starter_do(log: Collector) -> None:
    with logs.bound(job_id=5), ThreadPoolExecutor(1) as pool:
        pool.submit(logs.in_context(logger.info), "inside").result()
        pool.submit(logger.info, "outside").result()
    assert [line.get("job_id") for line in log.lines] == [5, None]


def test_a_task_carries_the_request_that_enqueued_it_and_its_own_ids(log: Collector) -> None:
    headers: Any = {}
    with logs.bound(request_id="r1", actor="staff:5", path="/x"):
        task_logs.pass_on(headers=headers)
    assert headers == {"log_context": {"request_id": "r1", "actor": "staff:5"}}
    # As a worker of today and one of before would get it.
    for got, expected in ((headers, "r1"), ({}, None)):
        process_event.push_request(**got)
        try:
            task_logs.bind(task_id="t1", task=process_event, kwargs={"event_id": 9})
            logger.info("inside")
            task_logs.unbind(task=process_event)
        finally:
            process_event.pop_request()
        line = log.lines[-1]
        assert (line["task"], line["task_id"], line["event_id"]) == ("billing.process_event", "t1", 9)
        assert line.get("request_id") == expected
    logger.info("outside")
    assert "task" not in log.lines[-1]


@pytest.mark.django_db(transaction=True)
def test_a_message_to_a_worker_holds_the_ids() -> None:
    queue = "logs-test"
    with logs.bound(request_id="r1"):
        make_documents.apply_async(queue=queue)
    with app.connection_for_read() as connection, connection.SimpleQueue(queue) as waiting:
        message = waiting.get(timeout=5)
        message.ack()
    headers: Any = message.headers
    assert headers["log_context"] == {"request_id": "r1"}


# Servers


def test_gunicorns_own_lines_have_the_form() -> None:
    config = Config()
    config.set("logger_class", web_server.logger_class)
    logger = config.logger_class(config)
    try:
        (handler,) = logger.error_log.handlers
        record = logging.LogRecord("gunicorn.error", logging.INFO, "x.py", 1, "Listening at: %s", ("/run/x",), None)
        assert json.loads(handler.format(record))["message"] == "Listening at: /run/x"
    finally:
        logger.error_log.handlers.clear()


def test_celerys_own_lines_have_the_form() -> None:
    code = (
        "from pelcro_orders.celery import app; import logging; app.log.setup(loglevel='INFO');"
        "logging.getLogger('celery.worker').info('hello'); logging.getLogger('celery.task').info('there')"
    )
    environment = os.environ | {"LOG_FORMAT": "json"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == ["hello", "there"]
