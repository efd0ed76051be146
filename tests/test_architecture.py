from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks

from billing.signals import results_received
from tests.support.source_tree import ROOT, imports, sources, status_writes

LAYERS = ("auth", "contenttypes", "customers", "billing", "ecommerce")


def points_up(source: str, target: str) -> bool:
    return LAYERS.index(target) > LAYERS.index(source)


def test_foreign_keys_point_down() -> None:
    assert points_up("billing", "ecommerce")
    checked = 0
    for app in ("customers", "billing", "ecommerce"):
        for model in apps.get_app_config(app).get_models():
            for field in model._meta.get_fields(include_hidden=True):
                if field.concrete and field.is_relation and field.related_model:
                    checked += 1
                    target: Any = field.related_model
                    assert not points_up(app, target._meta.app_label), f"{model.__name__}.{field.name}"
    assert checked > 30


def test_what_stripe_answers_has_exactly_one_receiver() -> None:
    assert run_checks() == []

    def another(**_kwargs: Any) -> None:
        raise AssertionError

    results_received.connect(another)
    try:
        assert [error.id for error in run_checks()] == ["ecommerce.E001"]
    finally:
        results_received.disconnect(another)
    assert run_checks() == []


def test_nothing_writes_the_status_of_orders_round_their_transitions() -> None:
    written = {
        str(path.relative_to(ROOT)): writes
        for path in sources("billing", "customers", "ecommerce", "pelcro_orders")
        if (writes := status_writes(path.read_text()))
    }
    assert set(written) == {"ecommerce/models/order_queryset.py"}
    assert len(written["ecommerce/models/order_queryset.py"]) == 1


def test_one_module_of_the_acts_writes_bulk_job_items() -> None:
    writers = [path.name for path in sources("ecommerce/orders") if "BulkJobItem" in path.read_text()]
    assert writers == ["completion.py"]


@pytest.mark.parametrize(
    "source",
    [
        "Order.objects.filter(pk=1).update(status='paid')",
        "orders.update(status=PAID, attention='')",
        "Order._base_manager.update(status=1)",
        "customer.orders.all().update(status='paid')",
        "ours = Order.objects.filter(pk=1)\nours.update(status='paid')",
        "def _ours() -> QuerySet[Order]: ...\n_ours().update(status='paid')",
        "Order.objects.bulk_update(orders, ['status', 'paid_at'])",
        "Order.objects.bulk_create(rows, update_conflicts=True, update_fields=['status'], unique_fields=['id'])",
        "cursor.execute('UPDATE ecommerce_order SET status = %s')",
        "cursor.execute(f'''update \"ecommerce_order\" o set status = {x}''')",
        "cursor.execute('INSERT INTO ecommerce_order (status) VALUES (1) ON CONFLICT DO UPDATE SET status = 2')",
    ],
)
def test_the_reader_of_sources_sees_each_way_round(source: str) -> None:
    assert status_writes(source)


@pytest.mark.parametrize(
    "source",
    [
        "Payment.objects.filter(pk=1).update(status='failed')",
        "orders.update(attention='')",
        "ours = Payment.objects.filter(pk=1)\nours.update(status='failed')",
        "class A:\n def _ours(self) -> QuerySet[BulkJob]: ...\n def end(self): self._ours().update(status=1)",
        "cursor.execute('UPDATE ecommerce_orderwords SET words = 1')",
        "cursor.execute('SELECT status FROM ecommerce_order')",
    ],
)
def test_the_reader_of_sources_lets_the_rest_be(source: str) -> None:
    assert not status_writes(source)


def test_what_calls_other_machines_is_known() -> None:
    # Each of these refuses to be called in a transaction, or is called by no transaction and has time-outs.
    calling = {"boto3", "botocore", "httpx", "requests", "smtplib", "socket", "storages", "stripe"}
    found = {
        str(path.relative_to(ROOT))
        for path in sources("backoffice", "billing", "customers", "ecommerce", "pelcro_orders")
        if calling & imports(path.read_text()) or "urllib.request" in path.read_text()
    }
    mail = {f"customers/mail/{name}.py" for name in ("deadline", "http", "smtp", "transport")}
    webhooks = {"ecommerce/webhooks/addresses.py", "ecommerce/webhooks/request.py"}
    setup = "ecommerce/management/services.py"  # of `manage.py setup`, which has no transaction
    assert found == {"billing/gateway.py", "pelcro_orders/s3.py", setup, *mail, *webhooks}
    opened = [
        str(path.relative_to(ROOT))
        for path in sources("backoffice", "billing", "customers", "ecommerce", "pelcro_orders")
        if "storages[" in path.read_text()
    ]
    assert sorted(opened) == ["backoffice/file_storage.py", "backoffice/uploads.py", setup]
