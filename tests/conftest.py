"""What every test may ask for."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test import Client, TransactionTestCase, override_settings
from pytest_django.plugin import DjangoDbBlocker

from billing.models import RestoreGuard
from customers.models import User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.roles import ROLES, make_roles
from tests.support import database_template
from tests.support.books import differences
from tests.support.flush import flush_by_delete
from tests.support.services import THROUGH_PGBOUNCER

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    if database_template.VARIABLE in os.environ:
        connection.settings_dict["TEST"]["TEMPLATE"] = database_template.DATABASE


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:  # noqa: FBT001 - pytest-django's
    """Leave the database to the end of its server where PgBouncer still holds sessions of it."""
    return django_db_keepdb or THROUGH_PGBOUNCER


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Make pytest-django's database, emptied by less work after each test with real transactions."""
    TransactionTestCase._fixture_teardown = flush_by_delete  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        RestoreGuard.objects.all().delete()  # a copy of a database is taken for one that was restored


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["tests.support.passwords.OneRoundHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _mail_to_memory() -> Iterator[None]:
    """What the outbox sends lands in `mail.outbox`, as what Django sends in tests does."""
    with override_settings(MAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Leave nothing of an earlier test: failed sign-ins, a mail server that was away, messages that wait."""
    cache.clear()


@pytest.fixture
def empty_stripe(fake_stripe: FakeStripeServer) -> FakeStripeServer:
    """Give the session's fake Stripe with empty books: reconciling reads the whole of them."""
    fake_stripe.forget()
    return fake_stripe


@pytest.fixture
def ledger(fake_stripe: FakeStripeServer) -> Callable[[], dict[str, Any]]:
    """Give Stripe's book of this test alone: the fake Stripe keeps those of all."""
    before = {each["id"] for book in fake_stripe.ledger().values() for each in book}

    def since() -> dict[str, Any]:
        return {
            name: [each for each in book if each["id"] not in before] for name, book in fake_stripe.ledger().items()
        }

    return since


@pytest.fixture
def balanced(ledger: Callable[[], dict[str, Any]], db: None) -> Iterator[Callable[[], None]]:
    """Give a check that both books agree; it runs once more at the end of the test."""

    def check() -> None:
        assert differences(ledger()) == []

    yield check
    check()


@pytest.fixture
def roles(db: None) -> None:
    """Give the groups of the staff, should a test have taken one away."""
    if Group.objects.count() < len(ROLES):
        make_roles(apps)


@pytest.fixture
def as_role(roles: None) -> Callable[[str], Client]:
    """Give a browser in which somebody of this role has signed in; "admin" is a superuser, "nobody" has no role."""

    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role.lower(), is_staff=True, is_superuser=role == "admin")
        user.groups.set(Group.objects.filter(name=role))
        client = Client()
        client.force_login(user)
        return client

    return sign_in
