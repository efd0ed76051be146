"""Query strings filter a list by what it declares, and by nothing else: no column can be guessed letter by letter."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db.models import Field
from django.test import Client, RequestFactory

from backoffice.base_admin import StaffAdmin
from customers.models import User

pytestmark = pytest.mark.django_db
LOOKUPS = ("", "__exact", "__startswith", "__contains", "__regex", "__gt", "__in", "__isnull")


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("admin", is_staff=True, is_superuser=True))
    return client


def pages() -> list[Any]:
    return [each for each in admin.site._registry.values() if each.opts.model_name != "order"]


def columns(model_admin: "ModelAdmin[Any]") -> list[str]:
    own = [each for each in model_admin.opts.get_fields() if isinstance(each, Field)]
    related = [
        f"{each.name}__{other.name}"
        for each in own
        if each.is_relation and each.related_model
        for other in each.related_model._meta.fields
    ]
    return [*(each.name for each in own), *related]


def test_every_list_is_one_of_ours() -> None:
    assert [each for each in admin.site._registry.values() if not isinstance(each, StaffAdmin)] == []


def test_no_list_may_be_filtered_by_a_column_it_does_not_declare() -> None:
    request = RequestFactory().get("/")
    for each in pages():
        declared = {name for tab in getattr(each, "tabs", ()) for name, _value in tab.query} | set(each.lookups)
        named = [name[0] if isinstance(name, tuple) else name for name in each.list_filter]
        declared |= {name.parameter_name for name in named if hasattr(name, "parameter_name")}
        filters = {name for name in named if isinstance(name, str)}
        for column in columns(each):
            for suffix in LOOKUPS:
                allowed = each.lookup_allowed(f"{column}{suffix}", "a", request)
                own_filter = column in filters and suffix in {"", "__exact", "__in", "__isnull"}
                assert allowed == (f"{column}{suffix}" in declared or own_filter), (each, column, suffix)


@pytest.mark.parametrize(
    "query",
    [
        "client_secret__startswith=pi_",
        "client_secret__regex=.",
        "invoice__customer__email__startswith=a",
        "params__gt=",
        "status__exact=failed&client_secret=x",
    ],
)
def test_a_secret_column_is_no_filter_and_the_page_says_so(query: str, browser: Client) -> None:
    response = browser.get(f"/admin/billing/payment/?{query}", follow=True)
    (target, status), *more = response.redirect_chain
    assert (status, more) == (302, [])
    assert "client_secret" not in target
    assert "be filtered by" in response.content.decode()


def test_the_password_of_staff_is_no_filter(browser: Client) -> None:
    for query in ("password__startswith=a", "api_key__hash__startswith=a", "last_login__gt=2000-01-01"):
        assert browser.get(f"/admin/customers/user/?{query}").status_code == 302


def test_every_tab_and_link_still_filters(browser: Client) -> None:
    for each in pages():
        for tab in getattr(each, "tabs", ()):
            address = f"/admin/{each.opts.app_label}/{each.opts.model_name}/"
            assert browser.get(address, dict(tab.query)).status_code == 200, (each, tab)
    assert browser.get("/admin/billing/invoice/?customer__id__exact=1").status_code == 200
    assert browser.get("/admin/billing/difference/?resolved_at__isnull=1&kind__exact=amount&rule=x").status_code == 200
