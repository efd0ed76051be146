"""`manage.py setup`, on the services of the tests."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from customers.models import User
from ecommerce.management import services
from pelcro_orders.mail_server import mail_server
from tests.support.source_tree import ROOT

ANA, BEN = "ana@example.com", "ben@example.com"
PASSWORD = "a long password of hers"


def setup(*arguments: str) -> str:
    out = StringIO()
    call_command("setup", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def with_mail(settings: Any) -> None:
    settings.MAIL_SERVER = mail_server("smtp://mail.example.com", webhook_secret="", webhook_key="")


def links(text: str) -> list[str]:
    return re.findall(r"https?://\S+/admin/invitation/\S+", text)


def accept(link: str) -> None:
    answer = Client().post("/admin/" + link.partition("/admin/")[2], {"password": PASSWORD})
    assert answer.status_code == 302


@pytest.mark.django_db
def test_says_of_each_step_what_it_found(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = None
    said = setup()
    for beginning in ("Settings", "PostgreSQL: version 1", "Redis: version ", "Files: kept in ", "Database: migrated."):
        assert re.search(f"^{beginning}", said, re.MULTILINE)
    assert "STATIC_ROOT is not set" in said
    assert "Superuser: none yet. Add --superuser" in said


@pytest.mark.django_db
def test_invites_the_first_superuser_by_mail_once_and_prints_no_link(with_mail: None, mailoutbox: list[Any]) -> None:
    said = setup("--skip-static", "--superuser", ANA)
    assert "an invitation is on its way to ana@example.com" in said
    assert "was invited, and has until" in setup("--skip-static", "--superuser", ANA)
    (message,) = mailoutbox
    assert message.to == [ANA]
    assert links(said) == []

    (link,) = links(message.body)
    accept(link)
    ana = User.objects.get()
    assert (ana.is_superuser, ana.is_staff, ana.check_password(PASSWORD)) == (True, True, True)
    assert f"Superuser: {ANA}." in setup("--skip-static")
    with pytest.raises(CommandError, match="is a superuser already: superusers invite others"):
        setup("--skip-static", "--superuser", BEN)


@pytest.mark.django_db
def test_prints_the_link_where_no_mail_can_leave_and_only_if_asked() -> None:
    with pytest.raises(CommandError, match="EMAIL_URL is not set: the invitation would arrive nowhere"):
        setup("--skip-static", "--superuser", ANA)
    assert not User.objects.exists()

    printed = [links(setup("--skip-static", "--superuser", ANA, "--print-invitation-link"))[0] for _ in range(2)]
    assert Client().get("/admin/" + printed[0].partition("/admin/")[2]).status_code == 410  # the second one replaced it
    accept(printed[1])
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.django_db
def test_whoever_was_invited_by_mistake_leaves_no_account(with_mail: None, mailoutbox: list[Any]) -> None:
    setup("--skip-static", "--superuser", "anna@example.com")
    setup("--skip-static", "--superuser", ANA)
    (wrong,), (right,) = (links(message.body) for message in mailoutbox)
    assert Client().get("/admin/" + wrong.partition("/admin/")[2]).status_code == 410
    accept(right)
    assert User.objects.get().email == ANA


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--superuser", "ana"], "ana: Enter a valid email address."),
        (["--superuser", BEN], "Another user has this e-mail."),
        (["--superuser", ANA, "--print-invitation-link"], "EMAIL_URL is set: the invitation goes by mail"),
        (["--print-invitation-link"], "add --superuser"),
    ],
)
def test_refuses_to_invite_in_a_sentence(with_mail: None, arguments: list[str], sentence: str) -> None:
    User.objects.create_user("ben", BEN, "a password")
    with pytest.raises(CommandError, match=re.escape(sentence)):
        setup("--skip-static", *arguments)
    assert not User.objects.filter(is_staff=True).exists()


@pytest.mark.django_db
def test_refuses_wrong_settings_and_services_in_a_sentence(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = "/proc/static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    with pytest.raises(CommandError, match=r"STATIC_ROOT /proc/static can't be written"):
        setup()
    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    with pytest.raises(CommandError, match="Redis does not answer at the address of REDIS_URL"):
        setup()
    settings.ALLOWED_HOSTS = ["orders.example.com/admin"]
    with pytest.raises(CommandError, match=r"The settings are wrong:\n.*ALLOWED_HOSTS"):
        setup()


def test_says_where_files_can_not_be_kept_and_what_to_change(settings: Any) -> None:
    options = {"bucket_name": "orders", "endpoint_url": "http://127.0.0.1:1", "access_key": "a", "secret_key": "b"}
    settings.EXPORT_STORAGE_URL = "s3://orders/files"
    settings.STORAGES = settings.STORAGES | {
        "exports": {"BACKEND": "pelcro_orders.s3.BoundedS3Storage", "OPTIONS": options}
    }
    with pytest.raises(CommandError, match=r"kept in s3://orders/files: Could not connect .*\. Create the bucket, set"):
        services.check_storage()
    settings.EXPORT_STORAGE_URL = ""
    settings.STORAGES = settings.STORAGES | {
        "exports": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "/proc/files"}}
    }
    with pytest.raises(CommandError, match=r"kept in files below VAR_DIR.*\. Set VAR_DIR, or who may write there"):
        services.check_storage()


@pytest.mark.django_db
def test_refuses_a_role_that_may_not_create_tables() -> None:
    services.check_may_create_tables()
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"REVOKE CREATE ON DATABASE {name} FROM CURRENT_USER")
    with pytest.raises(CommandError, match=r"may not create tables in the database .* OWNER TO"):
        services.check_may_create_tables()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://orders@127.0.0.1:1/orders"}, "CommandError: PostgreSQL does not take the conn"),
        ({"BASE_URL": "orders.example.com"}, "BASE_URL does not start with"),
    ],
)
def test_ends_in_a_sentence_and_not_in_a_traceback(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    key = {"SECRET_KEY": "a-key-for-checks-alone-0123456789-abcdefghijk", "VAR_DIR": str(tmp_path)}
    env = {"PATH": os.environ["PATH"], **key, **variables}
    command = [sys.executable, str(ROOT / "manage.py"), "setup"]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) < 4
