from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client

from backoffice.base_admin import StaffAdmin
from backoffice.keyset_paging import keyset_page
from backoffice.list_tabs import BOUND, bounded_counts, format_count
from customers.models import Customer, User
from tests.support.factories import make_customer


def test_media_needs_nobodys_request(db: None) -> None:
    for pages in admin.site._registry.values():
        if isinstance(pages, StaffAdmin):
            pages.request = None
            assert str(pages.media)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_get_each_their_own_page() -> None:
    people = [
        User.objects.create_user(name, is_staff=True, is_superuser=name == "admin") for name in ("admin", "nobody")
    ]
    make_customer()
    start = Barrier(2)

    def ask(user: User) -> list[int]:
        browser = Client()
        browser.force_login(user)
        start.wait(timeout=10)
        try:
            return [browser.get("/admin/customers/customer/").status_code for _ in range(10)]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, people))

    assert answers == [[200] * 10, [403] * 10]


@pytest.fixture
def five(db: None) -> list[int]:
    return [make_customer(f"c{number}@example.com").pk for number in range(5)]


@pytest.mark.parametrize(
    ("params", "rows", "newer", "older"),
    [
        ({}, [4, 3], False, True),
        ({"before": 3}, [2, 1], True, True),
        ({"before": 1}, [0], True, False),
        ({"before": 0}, [4, 3], False, True),
        ({"after": 0}, [2, 1], True, True),
        ({"after": 3}, [4, 3], False, True),
        ({"last": 1}, [1, 0], True, False),
        ({"before": None}, [4, 3], False, True),
    ],
)
def test_pages_by_key(five: list[int], params: dict[str, Any], rows: list[int], newer: bool, older: bool) -> None:  # noqa: FBT001 - the table above
    asked = {name: "x" if at is None else str(five[at]) for name, at in params.items()}

    page = keyset_page(Customer.objects.all(), params=asked, per_page=2)

    assert [each.pk for each in page.rows] == [five[at] for at in rows]
    assert (page.newer, page.older) == (newer, older)


def test_an_empty_list_has_one_empty_page(db: None) -> None:
    page = keyset_page(Customer.objects.all(), params={"before": "7"}, per_page=2)

    assert page.rows == []


def test_counts_in_one_statement(five: list[int], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert bounded_counts([Customer.objects.all(), Customer.objects.filter(pk__gt=five[2])]) == [5, 2]


def test_a_bound_is_written_as_one() -> None:
    assert [format_count(count) for count in (0, BOUND, BOUND + 1)] == ["0", "10,000", "10,000+"]


def test_a_page_that_is_no_page_is_the_first(client: Client, db: None) -> None:
    make_customer()
    client.force_login(User.objects.create_user("admin", is_staff=True, is_superuser=True))

    for query in ("before=abc", "after=-1", "before=99999999999999999999", "last=", "p=7", "o=1.2", "all="):
        assert client.get(f"/admin/customers/customer/?{query}").status_code == 200
