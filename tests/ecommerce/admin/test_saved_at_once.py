"""Two people save the same name in the same moment: the second reads what the form always says of a name taken."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from customers.models import Customer
from ecommerce.models import Coupon, Sku
from tests.support.factories import make_coupon, make_customer, make_sku
from tests.support.forms import filled_in, sentences

pytestmark = pytest.mark.django_db(transaction=True)

SKU = {"price": "9", "currency": "usd", "inventory_type": "infinite", "active": "on"}


def send(client: Client, address: str, sent: dict[str, Any]) -> Any:
    try:
        return client.post(address, sent, follow=True)
    finally:
        connection.close()


def wait_for_lock(answer: "Future[Any]") -> None:
    """Wait until the other transaction waits for this one."""
    with connection.cursor() as cursor:
        for _try in range(200):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return
            assert not answer.done(), "It did not wait: nothing was raced."
            time.sleep(0.05)
    raise AssertionError("Nobody waits.")


@pytest.mark.parametrize(
    ("path", "typed", "first", "said"),
    [
        ("customers/customer", {"email": "grace@example.com"}, lambda: make_customer("GRACE@example.com"),
         "Ada Lovelace <GRACE@example.com> has this e-mail already."),
        ("ecommerce/coupon", {"code": "save10", "percent_off": "10"}, make_coupon,
         "Coupon SAVE10 has this code already."),
        ("ecommerce/sku", {"code": "MUG-RED", "name": "red", **SKU}, make_sku, "with this Code already exists."),
        ("ecommerce/product", {"name": "Cup", "skus-TOTAL_FORMS": "1", "skus-0-code": "MUG-RED", "skus-0-name": "red",
                               **{f"skus-0-{name}": value for name, value in SKU.items()}},
         make_sku, "with this Code already exists."),
    ],
)  # fmt: skip
def test_the_second_is_told_and_loses_nothing(
    as_role: Callable[[str], Client], path: str, typed: dict[str, str], first: Callable[[], Any], said: str
) -> None:
    client, address = as_role("admin"), f"/admin/{path}/add/"
    product = make_sku("OTHER", product="Cup").product
    sent = filled_in(client.get(address)) | {"product": str(product.pk)} | typed
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            answering = pool.submit(send, client, address, sent)
            wait_for_lock(answering)
        answer = answering.result()
    assert answer.status_code == 200
    assert said.lower() in sentences(answer).lower()
    assert all(f'value="{value}"' in answer.content.decode() for name, value in typed.items() if "code" in name)
    assert (Customer.objects.count() + Coupon.objects.count(), Sku.objects.count()) in {(1, 1), (0, 2)}
