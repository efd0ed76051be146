"""What each answer tells a browser about itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from backoffice.content_security import stripe_sources
from pelcro_orders.config import BASE_DIR
from tests.pelcro_orders.test_checks import DEPLOYED

COOKIES = """
from django.conf import settings as s
from pelcro_orders.cookies import PrefixedCookieStorage
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, PrefixedCookieStorage.cookie_name, s.SESSION_COOKIE_SECURE)
"""


def directives(answer: Any) -> dict[str, str]:
    parts = (each.strip().partition(" ") for each in answer.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, _blank, sources in parts}


@pytest.mark.parametrize(
    ("path", "script"),
    [
        ("/admin/login/", "'self' 'unsafe-eval'"),
        ("/admin/", "'self' 'unsafe-eval'"),
        ("/admin/nothing/", "'self' 'unsafe-eval'"),
        ("/api/docs", "'self'"),
        ("/api/v1/sdk/nothing", "'self'"),
        ("/nothing/", "'self'"),
        ("/webhooks/stripe/", "'self'"),
        ("/healthz/", "'self'"),
    ],
)
def test_every_answer_says_which_scripts_may_run(db: None, client: Client, path: str, script: str) -> None:
    answer = client.get(path)
    found = directives(answer)
    assert found["script-src"] == script
    assert (found["object-src"], found["base-uri"], found["frame-ancestors"]) == ("'none'", "'none'", "'none'")
    assert found["form-action"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_refused_bodies_and_failures_have_a_policy_too(db: None, client: Client, monkeypatch: Any) -> None:
    assert directives(client.post("/shop/", b"x" * 2_000_000, "text/plain"))["script-src"] == "'self'"
    client.raise_request_exception = False
    monkeypatch.setattr("ecommerce.shop.views.ShopView.get_context_data", lambda *_a, **_k: 1 / 0)
    failed = client.get("/shop/")
    assert failed.status_code == 500
    assert directives(failed)["script-src"] == "'self'"


@pytest.mark.parametrize("path", ["/admin/ecommerce/order/add/", "/shop/checkout/"])
def test_stripe_is_allowed_where_cards_are_typed(as_role: Callable[[str], Client], path: str) -> None:
    script = stripe_sources()["script-src"][0]
    found = directives(as_role("Manager").get(path))
    assert script in found["script-src"]
    assert found["frame-src"] == f"{script} https://hooks.stripe.com"
    assert "https://api.stripe.com" in found["connect-src"]


def test_stripe_is_allowed_nowhere_else(as_role: Callable[[str], Client]) -> None:
    manager = as_role("Manager")
    for path in ("/admin/", "/admin/ecommerce/order/", "/api/docs"):
        assert stripe_sources()["script-src"][0] not in manager.get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("base_url", "names"),
    [
        ("https://orders.example.com", "__Host-sessionid __Host-csrftoken __Host-messages True"),
        ("http://127.0.0.1:8000", "sessionid csrftoken messages False"),
    ],
)
def test_cookies_are_the_hosts_alone_with_tls(tmp_path: Path, base_url: str, names: str) -> None:
    environment = os.environ | DEPLOYED | {"VAR_DIR": str(tmp_path), "BASE_URL": base_url}
    environment["DJANGO_SETTINGS_MODULE"] = "pelcro_orders.settings"
    done = subprocess.run(
        [sys.executable, "-c", COOKIES], check=True, capture_output=True, text=True, cwd=BASE_DIR, env=environment
    )
    assert done.stdout.strip() == names
