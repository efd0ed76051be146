from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from pelcro_orders import service_urls

VAR = Path("/srv/orders/var")


def test_a_socket_fits_into_what_the_kernel_allows() -> None:
    deep = Path("/a" * 2000)
    assert len(str(service_urls.socket_folder(deep) / ".s.PGSQL.5432")) < 107


def test_each_folder_has_sockets_of_its_own() -> None:
    assert service_urls.socket_folder(VAR) != service_urls.socket_folder(VAR.parent)
    assert service_urls.socket_folder(VAR) == service_urls.socket_folder(VAR)


def test_sockets_do_not_move_with_tmpdir(monkeypatch: pytest.MonkeyPatch) -> None:
    here = service_urls.socket_folder(VAR)
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert service_urls.socket_folder(VAR) == here


def test_without_a_url_the_embedded_database_is_meant() -> None:
    assert service_urls.database_settings("", VAR) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "pelcro",
        "USER": "pelcro",
        "PASSWORD": "",
        "HOST": str(service_urls.socket_folder(VAR)),
        "PORT": "5432",
        "OPTIONS": {},
    }


def test_a_database_url_is_read_whole() -> None:
    assert service_urls.database_settings("postgres://ana:p%40ss@db.example:6543/shop?sslmode=require", VAR) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "ana",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "require"},
    }


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("mysql://a@b/c", "is not PostgreSQL's"),
        ("postgresql://a@b", "names no database"),
        ("postgresql://a@b:port/c", "has no number for a port"),
        ("postgresql://a@b:99999/c", "has no number for a port"),
        ("postgresql://[::1/c", "is no address"),
    ],
)
def test_a_bad_database_url_says_what_to_write(url: str, what: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        service_urls.database_settings(url, VAR)
    assert str(refusal.value) == f"DATABASE_URL {what}: write postgresql://user:password@host:5432/name."


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("", f"redis+socket://{service_urls.socket_folder(VAR)}/redis.sock"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("redis://:secret@host:6379/1", "redis://:secret@host:6379/1"),
        ("rediss://host:6379/1", "rediss://host:6379/1?ssl_cert_reqs=required"),
        ("rediss://host/1?ssl_cert_reqs=none", "rediss://host/1?ssl_cert_reqs=none"),
    ],
)
def test_celery_is_told_in_its_own_words(url: str, broker: str) -> None:
    assert service_urls.broker_url(url, VAR) == broker
