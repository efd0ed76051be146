"""Every way to write a tracked row leaves a record, and every model is either tracked or named with a reason."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, models, transaction
from django.test import Client

from backoffice.activity.origin import Origin, acting, silent
from backoffice.models import Activity
from billing.models import ExchangeRate, Seller
from customers.models import Address, Customer, MailTemplate, User
from ecommerce.models import (
    ApiKey,
    Coupon,
    Product,
    Reason,
    ShippingZone,
    ShopSettings,
    Sku,
    Tag,
    TaxRate,
    WebhookEndpoint,
)
from ecommerce.orders.cancel import cancel
from ecommerce.tracked import LINKS, NOT_TRACKED, TRACKED
from tests.support.factories import (
    ANA,
    make_address,
    make_coupon,
    make_customer,
    make_shipping_rate,
    make_sku,
    make_user,
    place_order,
)
from tests.support.order_acts import settle
from tests.support.source_tree import ROOT, sources


def make_shop_settings() -> ShopSettings:
    with silent():
        ShopSettings.objects.all().delete()
    return ShopSettings.objects.create()


def make_seller() -> Seller:
    with silent():
        Seller.objects.all().delete()
    return Seller.objects.create()


MAKE: dict[str, Callable[[], models.Model]] = {
    "customers.user": lambda: make_user("bob"),
    "auth.group": lambda: Group.objects.create(name="Packers"),
    "customers.customer": make_customer,
    "customers.address": lambda: make_address(make_customer()),
    "ecommerce.product": lambda: Product.objects.create(name="Mug"),
    "ecommerce.sku": make_sku,
    "ecommerce.coupon": make_coupon,
    "ecommerce.taxrate": lambda: TaxRate.objects.create(country="DE", name="VAT", percent=19),
    "ecommerce.shopsettings": make_shop_settings,
    "ecommerce.shippingzone": lambda: ShippingZone.objects.create(name="Germany", countries=["DE"]),
    "ecommerce.shippingrate": make_shipping_rate,
    "ecommerce.reason": lambda: Reason.objects.create(kind="return", text="Too large"),
    "ecommerce.tag": lambda: Tag.objects.create(name="fragile"),
    "ecommerce.apikey": lambda: ApiKey.objects.create_key(name="Till", permissions=[], by=ANA)[0],
    "ecommerce.webhookendpoint": lambda: WebhookEndpoint.objects.create(url="https://erp.example.com/hooks"),
    "billing.seller": make_seller,
    "billing.exchangerate": lambda: ExchangeRate.objects.create(
        currency="usd", to_currency="eur", rate="0.9", day="2026-11-01", source="European Central Bank"
    ),
    "customers.mailtemplate": lambda: MailTemplate.objects.create(kind="shipped"),
}
NEW_VALUES = {
    "customers.user": ("first_name", "Bobby"),
    "auth.group": ("name", "Senders"),
    "customers.customer": ("phone", "+44 20 7946 0000"),
    "customers.address": ("city", "Paris"),
    "ecommerce.product": ("name", "Cup"),
    "ecommerce.sku": ("price", 1999),
    "ecommerce.coupon": ("max_redemptions", 7),
    "ecommerce.taxrate": ("name", "Sales tax"),
    "ecommerce.shopsettings": ("tax_day", "order"),
    "ecommerce.shippingzone": ("countries", ["DE", "AT"]),
    "ecommerce.shippingrate": ("price", 590),
    "ecommerce.reason": ("text", "Too small"),
    "ecommerce.tag": ("name", "very fragile"),
    "ecommerce.apikey": ("name", "Kiosk"),
    "ecommerce.webhookendpoint": ("url", "https://crm.example.com/hooks"),
    "billing.seller": ("city", "Berlin"),
    "billing.exchangerate": ("source", "Bundesbank"),
    "customers.mailtemplate": ("enabled", False),
}


def records(row: models.Model, act: str = "changed") -> list[dict[str, Any]]:
    found = Activity.objects.filter(object_type=row._meta.label_lower, object_id=row.pk, act=act)
    return list(found.order_by("pk").values_list("changes", flat=True))


def save(row: Any, name: str, value: Any) -> None:
    setattr(row, name, value)
    row.save()


def update(row: Any, name: str, value: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**{name: value})


def bulk_update(row: Any, name: str, value: Any) -> None:
    setattr(row, name, value)
    type(row)._base_manager.bulk_update([row], [name])


def upsert(row: Any, name: str, value: Any) -> None:
    setattr(row, name, value)
    type(row)._base_manager.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=[name])


def by_hand(row: Any, name: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {name} = %s WHERE id = %s", [value, row.pk])


@pytest.mark.parametrize("write", [save, update, bulk_update, upsert, by_hand])
@pytest.mark.parametrize("label", sorted(NEW_VALUES))
def test_each_way_to_change_a_row_is_recorded(db: None, label: str, write: Callable[[Any, str, Any], None]) -> None:
    row = MAKE[label]()
    name, value = NEW_VALUES[label]
    old = getattr(row, name)
    write(row, name, value)
    assert {name: [old, value]} in records(row)


@pytest.mark.parametrize("label", sorted(MAKE))
def test_adding_and_deleting_are_recorded_with_what_was_there(db: None, label: str) -> None:
    row = MAKE[label]()
    name, value = NEW_VALUES[label][0], getattr(row, NEW_VALUES[label][0])
    assert [each.get(name) for each in records(row, "added")] == [[None, value] if value else None]
    key = row.pk
    row.delete()
    row.pk = key
    assert [each.get(name) for each in records(row, "deleted")] == [[value, None] if value else None]


def test_every_model_is_tracked_or_says_why_not() -> None:
    tracked = {each.model for each in TRACKED} | {
        model._meta.label_lower
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in {each.table for each in LINKS}
    }
    everything = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}
    assert everything - tracked - set(NOT_TRACKED) == set()
    assert tracked & set(NOT_TRACKED) == set()
    assert (tracked | set(NOT_TRACKED)) - everything == set()
    assert set(MAKE) == {each.model for each in TRACKED} == set(NEW_VALUES)


@pytest.mark.parametrize("each", TRACKED, ids=lambda each: each.model)
def test_every_column_is_recorded_or_named_as_left_out(each: Any) -> None:
    model = apps.get_model(each.model)
    groups = (set(each.columns), set(each.secrets), set(each.ignored))
    assert set.union(*groups) == {field.column for field in model._meta.concrete_fields}
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert model._meta.db_table == each.table


def test_the_database_has_the_triggers_that_the_code_describes(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'activity_of_%'")
        installed = dict(cursor.fetchall())
        cursor.execute(
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE tgname ~ '^activity_' GROUP BY 1"
        )
        triggers = dict(cursor.fetchall())
    described = {each.function: each.function_sql().split("$$")[1] for each in (*TRACKED, *LINKS)}
    assert installed == described
    assert triggers == {each.table: 3 for each in (*TRACKED, *LINKS)}


def test_what_the_admin_lets_be_edited_is_tracked(db: None) -> None:
    request: Any = type("Request", (), {"user": User(is_superuser=True, is_active=True, is_staff=True)})
    editable = {
        model._meta.label_lower
        for model, model_admin in admin.site._registry.items()
        if model_admin.has_add_permission(request)
        or model_admin.has_change_permission(request, model())
        or model_admin.has_delete_permission(request, model())
    }
    assert editable - {each.model for each in TRACKED} == {"ecommerce.order"}  # whose page has a timeline


def test_the_log_of_a_new_installation_is_empty(db: None) -> None:
    assert list(Activity.objects.values_list("by_label", "object_label")) == []


def test_only_orders_stock_coupons_and_erasures_are_silent() -> None:
    silent_ones = {
        str(path.relative_to(ROOT))
        for path in sources("backoffice", "billing", "customers", "ecommerce", "pelcro_orders")
        if re.search(r"\b(silent\(\)|SILENT\b)", path.read_text())
    }
    assert silent_ones == {
        "backoffice/activity/origin.py",
        "ecommerce/erasure/run.py",  # a record of it would keep the words that go
        "ecommerce/management/benchmark_data/copy_tables.py",
        "ecommerce/orders/apply_results_bulk.py",
        "ecommerce/orders/stock.py",
        "ecommerce/roles.py",  # of a new installation alone
    }


def test_roles_and_permissions_are_recorded_by_name(db: None) -> None:
    user, group = make_user("bob"), Group.objects.create(name="Packers")
    user.groups.add(group)
    user.groups.set([])
    assert records(user) == [{"groups": [None, ["Packers"]]}, {"groups": [["Packers"], None]}]
    permission = apps.get_model("auth.Permission").objects.get(codename="view_order")
    group.permissions.add(permission)
    assert records(group) == [{"permissions": [None, ["Can view order"]]}]
    user.user_permissions.add(permission)
    assert records(user)[-1] == {"user_permissions": [None, ["Can view order"]]}


def test_no_secret_is_kept(db: None) -> None:
    user = make_user("bob")
    user.set_password("a new secret")
    user.save()
    key, text = ApiKey.objects.create_key(name="Till", permissions=[], by=ANA)
    update(key, "hash", "f" * 64)
    assert records(user) == [{"password": [None, True]}]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(a::text, ' ') FROM backoffice_activity a")
        (everything,) = cursor.fetchone()
    for secret in (user.password, "a new secret", text, text.rpartition("_")[2], key.hash, "f" * 64):
        assert secret not in everything


def test_one_statement_more_for_no_row_or_many(db: None, django_assert_num_queries: Any) -> None:
    skus = [make_sku(f"MUG-{number}") for number in range(20)]
    with django_assert_num_queries(1):
        Sku.objects.filter(pk__in=[sku.pk for sku in skus]).update(price=7, inventory_quantity=3)
    changed = Activity.objects.filter(object_type="ecommerce.sku", act="changed")
    assert sorted(changed.values_list("kind", flat=True)) == ["price"] * 20 + ["stock"] * 20
    assert set(changed.values_list("currency", flat=True)) == {"usd"}


def test_a_statement_that_changes_nothing_records_nothing(db: None) -> None:
    coupon = make_coupon()
    update(coupon, "percent_off", 10)
    update(coupon, "times_redeemed", 1)
    assert records(coupon) == []


def test_a_record_goes_with_its_transaction(db: None) -> None:
    sku = make_sku()
    with transaction.atomic():
        update(sku, "price", 1)
        transaction.set_rollback(True)
    assert records(sku) == []


def test_orders_take_and_return_stock_without_a_record(balanced: None) -> None:
    sku, coupon = make_sku(stock=5), make_coupon()
    order = place_order(sku=sku, coupon_code=coupon.code, token="pm_card_visa")
    settle(cancel(order_id=order.pk, reason="", by=ANA, at=order.created_at))
    sku.refresh_from_db()
    assert sku.inventory_quantity == 5
    assert records(sku) == []


def test_who_is_behind_a_statement_is_named_and_forgotten(db: None) -> None:
    sku = make_sku()
    with acting(ANA.origin(address="192.0.2.7", through='Import of it\'s "ours" */.csv')):
        update(sku, "price", 1)
        with silent():
            update(sku, "price", 2)
    update(sku, "price", 3)
    by_hand(sku, "price", 4)
    columns = ("by_kind", "by_label", "address", "through")
    changed = Activity.objects.filter(act="changed", object_type="ecommerce.sku")
    assert list(changed.order_by("pk").values_list(*columns)) == [
        ("staff", "Ana", "192.0.2.7", 'Import of it\'s "ours" */.csv'),
        ("system", "Pelcro Orders", "", ""),
        ("system", "Pelcro Orders", "", ""),
    ]


def test_the_longest_names_in_any_script_fit(db: None) -> None:
    sku = make_sku()
    with acting(Origin(by_kind="staff", by_label="🦊" * 200, through="🦊" * 200, address="2001:db8::1")):
        update(sku, "price", 1)
    assert Activity.objects.latest("pk").through == "🦊" * 200


def test_psql_is_named_by_the_users_of_the_database(db: None) -> None:
    sku = make_sku()
    wrappers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        by_hand(sku, "price", 4)
    finally:
        connection.execute_wrappers = wrappers
    last = Activity.objects.latest("pk")
    assert (last.by_kind, last.changes) == ("database", {"price": [1500, 4]})
    assert last.by_label == connection.settings_dict["USER"]


@pytest.mark.parametrize("statement", ["UPDATE backoffice_activity SET note = 'x'", "DELETE FROM backoffice_activity"])
def test_what_was_done_is_neither_changed_nor_deleted(db: None, statement: str) -> None:
    make_sku()
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Activity.objects.count()


def test_each_tracked_model_is_recorded_from_the_admins_own_pages(db: None) -> None:
    make_user("root", is_superuser=True)
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(User.objects.get())
    client.post("/admin/ecommerce/coupon/add/", {"code": "TEN", "percent_off": "10", "active": "on"})
    coupon = Coupon.objects.get()
    found = Activity.objects.get(object_type="ecommerce.coupon")
    assert (found.act, found.by_label, found.by_user_id, found.address) == (
        "added",
        "root",
        User.objects.get().pk,
        "192.0.2.1",
    )
    client.post(f"/admin/ecommerce/coupon/{coupon.pk}/delete/", {"post": "yes"})
    assert len(records(coupon, "deleted")) == 1
    sku = make_sku()
    picked = {"action": "stop_selling", "_selected_action": [sku.pk]}
    client.post("/admin/ecommerce/sku/", picked)
    assert records(sku) == [{"active": [True, False]}]
    assert Activity.objects.filter(by_label="root").count() == 4  # with the sign-in


def test_models_of_people_have_their_address(db: None) -> None:
    address = make_address(make_customer())
    assert isinstance(address, Address)
    added = Activity.objects.get(object_type="customers.address")
    assert added.changes["customer_id"] == [None, "ada@example.com"]
    assert added.object_label == "Ada Lovelace, 12 St James's Square, London"
    assert Customer.objects.count() == 1
