from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from django.urls import reverse

from pelcro_orders.edge import limits, wsgi

IMPORT = "/admin/ecommerce/product/import/"
HEADERS = [
    (b"cookie", b"a=1"),
    (b"cookie", b"b=2"),
    (b"x_forwarded_for", b"1.2.3.4"),
    (b"x-forwarded-for", b"5.6.7.8"),
    (b"content-type", b"text/plain"),
]


def environ(path: str = IMPORT, client: Client | None = None, length: int = 5_000_000) -> dict[str, Any]:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()) if client else ""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(length),
        "HTTP_COOKIE": cookies,
        "wsgi.input": BytesIO(),
    }


@pytest.mark.parametrize(
    ("role", "may"),
    [("admin", True), ("Manager", True), ("Viewer", False), ("Finance", False), ("nobody", False)],
)
def test_only_who_may_import_may_send_a_file(as_role: Callable[[str], Client], role: str, *, may: bool) -> None:
    assert limits.may_send_file(environ(client=as_role(role))) is may


def test_nobody_else_may_send_a_file(db: None) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "made-up"
    for each in (client, Client()):
        assert not limits.may_send_file(environ(client=each))


def test_files_are_taken_where_there_is_an_import_and_nowhere_else(as_role: Callable[[str], Client]) -> None:
    manager = as_role("Manager")
    found = {
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_import")
        for model, model_admin in admin.site._registry.items()
        if hasattr(model_admin, "has_import_permission")
    }
    kinds = ("customers/customer", "ecommerce/product", "ecommerce/sku", "ecommerce/taxrate")
    assert found == {f"/admin/{each}/import/" for each in kinds}
    assert all(limits.may_send_file(environ(path, manager)) for path in found)
    for path in ("/admin/", "/admin/login/", "/shop/", "/admin/ecommerce/order/add/", f"{IMPORT}1/", "/nothing/"):
        assert not limits.may_send_file(environ(path, manager))


NOTE, TRACKING = "/admin/ecommerce/order/1/note/", "/admin/ecommerce/shipping/tracking/"


@pytest.mark.parametrize(
    ("path", "role", "may"),
    [
        (NOTE, "Support", True),
        (NOTE, "Viewer", False),
        (TRACKING, "Fulfillment", True),
        (TRACKING, "Support", False),
        ("/admin/ecommerce/order/1/tags/", "Manager", False),
    ],
)
def test_files_of_notes_and_of_carriers_are_taken_from_who_may_send_them(
    as_role: Callable[[str], Client], path: str, role: str, *, may: bool
) -> None:
    assert limits.may_send_file(environ(path, as_role(role))) is may


@pytest.mark.parametrize("path", ["/admin/login/", "/shop/", IMPORT, "/webhooks/stripe/"])
def test_django_refuses_by_itself_what_another_server_lets_through(client: Client, db: None, path: str) -> None:
    answer = client.post(path, b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), "text/plain")
    assert answer.status_code == 413
    assert "This was not taken" in answer.content.decode()


def test_the_upload_of_staff_goes_through_up_to_its_cap(as_role: Callable[[str], Client]) -> None:
    manager = as_role("Manager")
    handled: list[WSGIRequest] = []
    handle = limits.limit_bodies(handled.append)  # type: ignore[arg-type]
    handle(WSGIRequest(environ(client=manager, length=settings.UPLOAD_BYTES)))
    assert len(handled) == 1
    answer = handle(WSGIRequest(environ(client=manager, length=settings.UPLOAD_BYTES + 1)))
    assert (len(handled), answer.status_code) == (1, 413)


def test_a_header_with_an_underscore_stands_for_no_other(rf: Any) -> None:
    scope = {
        "method": "GET", "raw_path": b"/%FF/a%2Fb", "query_string": b"x=%20", "http_version": "1.1", "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5), "headers": HEADERS,
    }  # fmt: skip
    made = wsgi.environ_of(scope)
    assert made["HTTP_X_FORWARDED_FOR"] == "5.6.7.8"
    assert made["HTTP_COOKIE"] == "a=1; b=2"
    assert (made["PATH_INFO"], made["QUERY_STRING"], made["CONTENT_TYPE"]) == ("/\xff/a/b", "x=%20", "text/plain")
