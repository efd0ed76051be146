"""What `manage.py check` says of a configuration, and that servers, worker and beat say it too."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from devserver import run_files
from pelcro_orders import config
from pelcro_orders.config import BASE_DIR

DEPLOYED = {
    "BASE_URL": "https://orders.example.com",
    "DATABASE_URL": "postgresql://orders@127.0.0.1:1/orders",
    "REDIS_URL": "redis://127.0.0.1:1",
    "SECRET_KEY": "a-key-for-checks-alone-0123456789-abcdefghijklmnopqrstuvwxyz",
    "TRUSTED_PROXIES": "1",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "EMAIL_URL": "smtp://mail.example.com",
}
SANDBOX = {
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
    "STRIPE_API_BASE": "http://127.0.0.1:1",
}
CHECKED = (
    *("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "SECRET_KEY"),
    "SECRET_KEY_FALLBACKS",
    *("BASE_URL", "SECURE", "ALLOWED_HOSTS", "MAIL_SERVER", "DATABASE", "EMBEDDED_DATABASE", "VAR_DIR"),
    *("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"),
)
LOOPBACK = {"BASE_URL": "http://127.0.0.1:8000"}
ELSEWHERE = {"DATABASE_URL": "postgresql://orders@db.example.com/orders"}
EMBEDDED = {"DATABASE_URL": "postgresql://pelcro@/pelcro?host=/tmp/pelcro-0123456789abcdef"}


def run(program: list[str], var_dir: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    inherited = run_files.without_project_variables(os.environ)
    environment = inherited | DEPLOYED | {"VAR_DIR": str(var_dir), "DJANGO_SETTINGS_MODULE": "pelcro_orders.settings"}
    return subprocess.run(
        [sys.executable, *program],
        check=False, capture_output=True, text=True, cwd=BASE_DIR, env=environment | changes, timeout=60,
    )  # fmt: skip


Found = Callable[..., dict[str, str]]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[Found]:
    """Return a function that says what our checks find with these variables: the sentence of each id."""

    def check(stored: dict[str, str] | None = None, **changes: str) -> dict[str, str]:
        (tmp_path / "environment.json").write_text(json.dumps(stored or {}))
        for name, value in (DEPLOYED | {"STRIPE_API_BASE": "", "VAR_DIR": str(tmp_path)} | changes).items():
            monkeypatch.setenv(name, value)
        config.make_run_variables.cache_clear()
        computed = runpy.run_path(str(BASE_DIR / "pelcro_orders" / "settings.py"))
        for name in CHECKED:
            setattr(settings, name, computed[name])
        found = run_checks()
        own = [each for each in found if str(each.id).startswith("pelcro_orders.")]
        return {str(each.id).partition(".")[2]: f"{each.msg} {each.hint}" for each in own}

    yield check
    config.make_run_variables.cache_clear()


def test_a_whole_configuration_is_not_complained_of(tmp_path: Path) -> None:
    done = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (2 silenced).\n")


@pytest.mark.parametrize(
    ("changes", "identity", "words"),
    [
        ({"STRIPE_PUBLISHABLE_KEY": "pk_test_1"}, "E001", "a live key and STRIPE_PUBLISHABLE_KEY a test key"),
        ({"STRIPE_SECRET_KEY": "rk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"}, "E001", "a live key"),
        ({"STRIPE_SECRET_KEY": "sk_test_1"}, "E001", "a test key and STRIPE_PUBLISHABLE_KEY a live key"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "W001", "STRIPE_WEBHOOK_SECRET is missing beside a live key"),
        ({"STRIPE_SECRET_KEY": "", "STRIPE_PUBLISHABLE_KEY": ""}, "W002", "STRIPE_SECRET_KEY is missing"),
        ({"ALLOWED_HOSTS": "https://orders.example.com"}, "E002", "ALLOWED_HOSTS holds 'https://orders.example.com'"),
        ({"ALLOWED_HOSTS": "orders.example.com:8000"}, "E002", "ALLOWED_HOSTS holds 'orders.example.com:8000'"),
        ({"ALLOWED_HOSTS": "a.example.com,orders.example.com/admin"}, "E002", "ALLOWED_HOSTS holds 'orders.exam"),
        ({"BASE_URL": "https://example.com/orders"}, "E003", "BASE_URL is 'https://example.com/orders'"),
        ({"BASE_URL": "https://example.com?a=1"}, "E003", "Write https://example.com, and serve it at the root"),
        ({"TRUSTED_PROXIES": ""}, "W003", "TRUSTED_PROXIES is not set"),
        ({"EMAIL_URL": ""}, "W004", "EMAIL_URL is missing"),
        ({"EMAIL_URL": "", "BASE_URL": "http://orders.example.com"}, "W004", "EMAIL_URL is missing"),
        ({"EMAIL_URL": "postmark://token@"}, "W005", "nothing is heard of those that bounce"),
        (SANDBOX, "E004", "The fake Stripe is configured beside an https address"),
        (SANDBOX | EMBEDDED, "E004", "The fake Stripe is configured beside an https address"),
        (SANDBOX | {"BASE_URL": "https://orders.localhost"} | ELSEWHERE, "E005", "beside a DATABASE_URL"),
        (SANDBOX | LOOPBACK | ELSEWHERE, "E005", "The fake Stripe is configured beside a DATABASE_URL"),
        ({"SECRET_KEY": "short"}, "E007", "SECRET_KEY can be guessed"),
        ({"SECRET_KEY_FALLBACKS": f"{'abcdefgh' * 5},short"}, "E007", "SECRET_KEY_FALLBACKS can be guessed"),
        ({"SECRET_KEY": "ab" * 40} | LOOPBACK, "E007", "SECRET_KEY can be guessed"),
    ],
)
def test_what_is_wrong_is_said(found: Found, changes: dict[str, str], identity: str, words: str) -> None:
    sentences = found(**changes)
    assert list(sentences) == [identity]
    assert words in sentences[identity]


@pytest.mark.parametrize(
    "changes",
    [
        {"TRUSTED_PROXIES": "0"},
        {"ALLOWED_HOSTS": "*,.example.com,[::1],10.0.0.5"},
        {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"},
        {"STRIPE_API_BASE": "http://127.0.0.1:4242"},  # a proxy on the way to the real Stripe
        {"EMAIL_URL": ""} | LOOPBACK,
        {"EMAIL_URL": "postmark://token@", "EMAIL_WEBHOOK_SECRET": "name:password"},
        SANDBOX | LOOPBACK | EMBEDDED,
        SANDBOX | LOOPBACK,  # asked for by name, on one machine
        SANDBOX | {"BASE_URL": "https://orders.localhost", "STRIPE_SECRET_KEY": "sk_test_trial"},  # with TLS, too
    ],
)
def test_what_is_right_is_not_complained_of(found: Found, changes: dict[str, str]) -> None:
    assert found(**changes) == {}


def test_what_make_run_stored_is_not_taken_for_an_https_address(found: Found) -> None:
    stored = {"SECRET_KEY": DEPLOYED["SECRET_KEY"], **SANDBOX}
    sentences = found(stored, SECRET_KEY="")
    assert list(sentences) == ["E006"]
    assert sentences["E006"].startswith("BASE_URL is an https address, and SECRET_KEY")


def test_the_fake_stripe_does_not_step_in_for_a_forgotten_key(found: Found) -> None:
    without = {"STRIPE_SECRET_KEY": "", "STRIPE_PUBLISHABLE_KEY": "", **LOOPBACK}
    assert list(found(SANDBOX, **without)) == ["E005"]
    assert found(SANDBOX, **without, **EMBEDDED) == {}


@pytest.mark.parametrize(
    "program",
    [
        ["-m", "gunicorn", "pelcro_orders.asgi", "--check-config"],
        ["-m", "gunicorn", "pelcro_orders.wsgi", "--check-config"],
        ["-m", "celery", "-A", "pelcro_orders", "worker", "--pool", "solo"],
        ["-m", "celery", "-A", "pelcro_orders", "beat", "--schedule", "SCHEDULE", "--pidfile", ""],
    ],
    ids=["asgi", "wsgi", "worker", "beat"],
)
def test_servers_worker_and_beat_do_not_start(tmp_path: Path, program: list[str]) -> None:
    program = [each.replace("SCHEDULE", str(tmp_path / "schedule")) for each in program]
    done = run(program, tmp_path, ALLOWED_HOSTS="https://orders.example.com", TRUSTED_PROXIES="")
    assert done.returncode != 0
    assert "Pelcro Orders does not start:" in done.stderr
    assert "(pelcro_orders.E002) ALLOWED_HOSTS holds 'https://orders.example.com'" in done.stderr
    assert "(pelcro_orders.W003) " in done.stderr


def test_the_demo_is_refused_on_a_configured_database(tmp_path: Path) -> None:
    test_keys = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"}
    done = run(["manage.py", "demo"], tmp_path, **test_keys)
    assert done.returncode == 1
    assert "DATABASE_URL is set: the demo's passwords are public" in done.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATABASE_URL": DEPLOYED["DATABASE_URL"]}, "DATABASE_URL is set and STRIPE_SECRET_KEY is not"),
        ({"BASE_URL": "https://orders.example.com"}, "BASE_URL is an https address, and SECRET_KEY, STRIPE_"),
        (
            {"BASE_URL": "https://orders.example.com", "STRIPE_SECRET_KEY": "sk_test_1"},
            "BASE_URL is an https address, and SECRET_KEY would be those of the demo",
        ),
    ],
)
def test_make_run_opens_no_demo(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    environment = run_files.without_project_variables(os.environ) | {"VAR_DIR": str(tmp_path)} | changes
    environment.pop("MAKELEVEL", None)
    done = subprocess.run(
        [sys.executable, "-m", "devserver"],
        check=False, capture_output=True, text=True, cwd=BASE_DIR, env=environment, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "postgres").exists()


def test_hsts_speaks_for_other_sites_only_where_asked(found: Found, settings: Any) -> None:
    found()
    assert (settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD) == (False, False)
    found(HSTS_INCLUDE_SUBDOMAINS="1", HSTS_PRELOAD="1")
    assert (settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD) == (True, True)
    assert settings.SECURE_HSTS_SECONDS == 365 * 24 * 3600
