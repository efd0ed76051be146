"""Rows from before keys were unique: duplicates, and accounts that kept the e-mail their customer had."""

from importlib import import_module
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import connection

from customers.accounts import create_account
from customers.models import Customer, User
from tests.support.factories import make_customer

pytestmark = pytest.mark.django_db
migration: Any = import_module("customers.migrations.0003_one_meaning_of_the_same_email")


@pytest.fixture
def old_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE customers_customer DROP CONSTRAINT customer_email_unique")
        cursor.execute("DROP INDEX user_email_unique")


def migrate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customers_customer SET email_key = ''")
        cursor.execute("UPDATE customers_user SET email_key = ''")
    editor = connection.schema_editor()
    migration.compute_keys(apps, editor)
    migration.follow_customers(apps, editor)
    migration.drop_stale_addresses(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("CREATE UNIQUE INDEX again ON customers_customer (email_key)")
        cursor.execute("CREATE UNIQUE INDEX user_again ON customers_user (email_key) WHERE email_key <> ''")


@pytest.mark.usefixtures("old_rows")
def test_of_duplicates_the_one_with_an_account_keeps_the_key() -> None:
    older = make_customer("strasse@example.com")
    owner = make_customer("straße@example.com")
    create_account(customer=owner, password="long enough, is it")
    migrate()

    assert Customer.objects.with_email("STRASSE@example.com").get() == owner
    older.refresh_from_db()
    assert older.email_key == f"strasse@example.com #{older.pk}"
    older.phone = "1"
    older.save()
    assert Customer.objects.get(pk=older.pk).email_key == f"strasse@example.com #{older.pk}"


@pytest.mark.usefixtures("old_rows")
def test_an_account_follows_its_customer_unconfirmed() -> None:
    customer = make_customer("old@example.com")
    user = create_account(customer=customer, password="long enough, is it")
    before = user.get_session_auth_hash()
    Customer.objects.update(email="\uff2eew@example.com")
    migrate()

    user = User.objects.get()
    assert (Customer.objects.get().email, user.email, user.email_key) == (
        "New@example.com",
        "new@example.com",
        "new@example.com",
    )
    assert EmailAddress.objects.values_list("email", "verified", "primary").get() == ("new@example.com", False, True)
    assert user.get_session_auth_hash() != before


@pytest.mark.usefixtures("old_rows")
def test_an_address_that_a_user_had_before_goes() -> None:
    customer = make_customer("ada@example.com")
    user = create_account(customer=customer, password="long enough, is it")
    EmailAddress.objects.create(user=user, email="before@example.com", verified=True)
    migrate()

    assert EmailAddress.objects.values_list("email", "verified").get() == ("ada@example.com", True)
