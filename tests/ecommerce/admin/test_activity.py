"""The page Activity, and the acts that are no change of a row: jobs, files, webhooks, differences, sign-ins."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.activity.record import erase, record
from backoffice.models import Activity
from billing.models import Difference
from customers.accounts import create_account
from customers.mail import outbox
from customers.models import Mail, User
from ecommerce.bulk_jobs import control
from ecommerce.models import ApiKey, Sku
from tests.support.admin import signed_in
from tests.support.api_client import CORE, PASSWORD, SDK, Api, paying, sign_in
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import ANA, make_address, make_coupon, make_customer, make_sku, make_user
from tests.support.forms import filled_in, sentences
from tests.support.rows import a_paid_order, an_event

pytestmark = pytest.mark.django_db
LIST = "/admin/backoffice/activity/"
Kind = Activity.Kind


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Any) -> None:
    location = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"import_export": location}


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def acts(*kinds: str) -> list[tuple[str, str, str]]:
    found = Activity.objects.filter(kind__in=kinds).order_by("pk")
    return list(found.values_list("act", "by_label", "object_label"))


def listed(browser: Client, query: str = "") -> list[str]:
    answer = browser.get(LIST + query)
    assert answer.status_code == 200
    return [each.object_label for each in answer.context["cl"].result_list]


def test_managers_see_it_and_nobody_changes_it(as_role: Callable[[str], Client]) -> None:
    manager, viewer = as_role("Manager"), as_role("Viewer")
    pk = Activity.objects.order_by("pk").values_list("pk", flat=True)[0]
    assert manager.get(LIST).status_code == 200
    assert 'href="/admin/backoffice/activity/"' in manager.get("/admin/").content.decode()
    assert viewer.get(LIST).status_code == 403
    for page in (f"{pk}/change/", f"{pk}/delete/", "add/"):
        assert manager.post(LIST + page, {"note": "x", "post": "yes"}).status_code == 403
    assert manager.get(f"{LIST}{pk}/change/").status_code == 200


def test_a_price_reads_as_people_write_it(manager: Client) -> None:
    sku = make_sku(price=1500)
    manager.get("/admin/")
    page = filled_in(manager.get(f"/admin/ecommerce/sku/{sku.pk}/change/"))
    manager.post(f"/admin/ecommerce/sku/{sku.pk}/change/", page | {"price": "17.50"})
    text = sentences(manager.get(f"{LIST}?kind=price"))
    assert "manager changed the price of Mug, red (MUG-RED) Price: USD 15.00 → USD 17.50 127.0.0.1" in text
    assert f'href="/admin/ecommerce/sku/{sku.pk}/change/"' in manager.get(LIST).content.decode()


def test_values_are_shown_in_words(manager: Client) -> None:
    coupon, address, user = make_coupon(), make_address(make_customer()), make_user("bob")
    type(coupon).objects.filter(pk=coupon.pk).update(active=False, redeem_by=datetime(2026, 11, 28, 12, tzinfo=UTC))
    type(address).objects.filter(pk=address.pk).update(country="FR", kind="billing")
    user.set_password("another")
    user.session_generation += 1
    user.save()
    text = sentences(manager.get(LIST))
    assert "changed the active and redeem by of SAVE10 Active: Yes → No" in text
    assert "Redeem by: – → 2026-11-28 12:00 UTC" in text
    assert "Country: United Kingdom → France" in text
    assert "Kind: Shipping → Billing" in text
    assert "Password: changed, not kept here" in text
    assert "ended all sessions of bob" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=mug-red", {"Mug, red (MUG-RED)"}),
        ("q=17.50", {"Mug, red (MUG-RED)"}),
        ("q=1750", {"Mug, red (MUG-RED)"}),
        ("q=save1", {"SAVE10"}),
        ("q=München", {"Tasse (T-1)"}),
        ("q=Munchen", {"Tasse (T-1)"}),
        ("q=nothing+of+this", set()),
        ("kind=price", {"Mug, red (MUG-RED)"}),
        ("type=ecommerce.coupon", {"SAVE10"}),
        ("kind=coupon&at_from=2026-01-01&at_to=2999-12-31", {"SAVE10"}),
        ("kind=coupon&at_to=2020-01-01", set()),
        ("kind=coupon&by=system", {"SAVE10"}),
        ("kind=coupon&by=999999", set()),
        ("kind=coupon&by=command", set()),
        ("object=ecommerce.sku:x&kind=coupon", {"SAVE10"}),
        ("kind=coupon&at_from=0001-01-01&at_to=9999-12-31", {"SAVE10"}),
    ],
)
def test_search_and_filters(query: str, found: set[str]) -> None:
    sku = make_sku()
    Sku.objects.filter(pk=sku.pk).update(price=1750)
    make_sku("T-1", product="Tasse", name="")
    Sku.objects.filter(code="T-1").update(image="München")
    make_coupon()
    browser = signed_in("backoffice.view_activity")
    assert set(listed(browser, f"?{query}")) == found


def test_one_object_and_one_person(manager: Client) -> None:
    mug = make_sku()
    make_sku("LAMP", product="Lamp")
    assert set(listed(manager, f"?object=ecommerce.sku:{mug.pk}")) == {"Mug, red (MUG-RED)"}
    me = User.objects.get(username="manager")
    manager.post("/admin/ecommerce/coupon/add/", {"code": "TEN", "percent_off": "10", "active": "on"})
    assert set(listed(manager, f"?by={me.pk}")) == {"TEN", "manager"}


def test_a_day_is_the_readers(manager: Client) -> None:
    make_coupon()
    today = Activity.objects.get(kind="coupon").at.astimezone(UTC).date()
    for first, last, count in ((0, 0, 1), (1, 1, 0), (-1, -1, 0), (-1, 1, 1)):
        days = f"at_from={today + timedelta(days=first)}&at_to={today + timedelta(days=last)}"
        assert len(listed(manager, f"?kind=coupon&{days}")) == count


def test_pages_by_key_with_the_same_queries_for_any_number(manager: Client) -> None:
    def queries(query: str = "") -> int:
        with CaptureQueriesContext(connection) as captured:
            manager.get(LIST + query)
        return len(captured)

    few = queries()
    Activity.objects.bulk_create(
        Activity(by_kind="system", by_label="Pelcro Orders", act="added", kind="coupon", object_label=f"C{number}")
        for number in range(120)
    )
    assert queries() <= few
    first = listed(manager, "?kind=coupon")
    assert (len(first), first[0]) == (50, "C119")
    before = Activity.objects.get(object_label=first[-1]).pk
    assert listed(manager, f"?kind=coupon&before={before}")[0] == "C69"


def test_jobs_are_one_record_each_with_who_began_stopped_and_resumed_them() -> None:
    ben, order = a_clerk(), a_paid_order(make_customer(), make_sku())
    job = a_job("fulfill", [order], ben, selection={"words": "1 ticked"}, reason="Sent")
    control.stop(job_id=job.pk, by=ben)
    control.resume(job_id=job.pk, by=ben)
    name = str(job)
    assert acts("job") == [("started", "ben", name), ("stopped", "ben", name), ("resumed", "ben", name)]
    assert Activity.objects.filter(kind="job").earliest("pk").note == "Fulfill 1 orders: 1 ticked. Sent"


def test_exports_and_downloads_say_who_took_what(manager: Client) -> None:
    order = a_paid_order(make_customer(), make_sku())
    manager.get("/admin/ecommerce/product/export/?active__exact=1&format=excel")
    job = a_job("export", [order], User.objects.get(username="manager"))
    manager.get(f"/admin/ecommerce/bulkjob/{job.pk}/result.csv")
    assert acts("export") == [
        ("exported", "manager", "products as CSV for Excel (semicolons, decimal commas)"),
        ("started", "manager", str(job)),
        ("downloaded", "manager", str(job)),
    ]
    assert Activity.objects.filter(act="exported").get().note == "Filtered by active__exact=1"


def test_an_import_is_one_record_and_one_for_each_row_it_changed(manager: Client) -> None:
    sku = make_sku(stock=3)
    file = SimpleUploadedFile("prices.csv", b"code,currency,price,inventory_quantity\nMUG-RED,USD,17.50,5\n")
    shown = manager.post("/admin/ecommerce/sku/import/", {"import_file": file})
    manager.post("/admin/ecommerce/sku/process_import/", filled_in(shown), follow=True)
    assert acts("import") == [("imported", "manager", "prices.csv")]
    assert Activity.objects.get(kind="import").note == "0 new, 1 updated, 0 unchanged"
    rows = Activity.objects.filter(object_type="ecommerce.sku", object_id=sku.pk, act="changed")
    assert sorted(rows.values_list("kind", "by_label", "through")) == [
        ("price", "manager", "Import of prices.csv"),
        ("stock", "manager", "Import of prices.csv"),
    ]


def test_mails_sent_again(manager: Client) -> None:
    mail = outbox.write(EmailMessage("Hello", "Text", to=["ada@example.com"]), kind=Mail.Kind.OTHER)[0]
    Mail.objects.filter(pk=mail.pk).update(status="failed", next_attempt_at=None, error="Refused.")
    manager.post(f"/admin/customers/mail/{mail.pk}/again/")
    assert acts("mail") == [("sent_again", "manager", "Hello")]


def test_webhooks_and_differences(manager: Client) -> None:
    event = an_event()
    manager.post(f"/admin/billing/webhookevent/{event.pk}/again/")
    assert acts("webhook") == [("sent_again", "manager", "refund.updated evt_1")]
    found = Difference.objects.create(kind="charge_unknown", stripe_id="pi_1", sentence="Stripe took more.")
    manager.post(f"/admin/billing/difference/{found.pk}/end/known/", {"note": "Seen."})
    assert acts("difference") == [("ended", "manager", "pi_1")]
    ended = Activity.objects.get(kind="difference")
    assert (ended.changes, ended.note) == ({"outcome": [None, "Known"]}, "Seen.")


def test_sign_ins_of_staff_with_their_address_and_without_what_was_typed() -> None:
    make_user("bob")
    make_customer("eve@example.com")
    browser = Client(REMOTE_ADDR="192.0.2.9")
    for name, password in (("bob", "my secret typed here"), ("my secret typed here", "x"), ("bob", "bob")):
        browser.login(username=name, password=password)
    page = {"username": "bob", "password": "bob"}
    browser.post("/admin/login/", page | {"password": "wrong"})
    browser.post("/admin/login/", page)
    assert [act for act, _by, _label in acts("sign_in")] == [
        "sign_in_failed", "signed_in", "sign_in_failed", "signed_in"
    ]  # fmt: skip
    last = Activity.objects.filter(kind="sign_in").latest("pk")
    assert (last.address, last.by_label) == ("192.0.2.9", "bob")
    assert not Activity.objects.filter(object_label__contains="secret").exists()


def test_the_api_names_its_customer_and_its_key() -> None:
    customer, sku = make_customer(), make_sku(shippable=True)
    create_account(customer=customer, password=PASSWORD)
    assert sign_in().ask("PATCH", f"{SDK}/customer", {"phone": "+44 20 7946 0000"}).status == 200
    phone = Activity.objects.get(kind="customer", act="changed", changes__has_key="phone")
    assert (phone.by_kind, phone.by_label, phone.by_user_id) == ("customer", str(customer), customer.user_id)
    assert phone.address == ""  # customers' are not kept
    key, text = ApiKey.objects.create_key(name="Till", permissions=["ecommerce.add_order"], by=ANA)
    address = {"line1": "1 High St", "city": "Ely", "postal_code": "CB7 4AA", "country": "GB"}
    body = paying(sku) | {"email": customer.email, "address": address}
    assert Api(text).post(f"{CORE}/orders", body).status == 200
    added = Activity.objects.get(kind="address")
    assert (added.act, added.by_kind, added.by_label) == ("added", "api_key", str(key))


def test_keys_are_recorded_without_their_text(as_role: Callable[[str], Client]) -> None:
    admin = as_role("admin")
    made = admin.post("/admin/ecommerce/apikey/add/", {"name": "Till", "permissions": ["ecommerce.view_order"]})
    key = ApiKey.objects.get()
    admin.post(f"/admin/ecommerce/apikey/{key.pk}/revoke/")
    assert acts("key") == [("added", "admin", str(key)), ("changed", "admin", str(key))]
    assert made.context["text"] not in str(list(Activity.objects.values()))
    assert key.hash not in str(list(Activity.objects.values()))


def test_a_person_is_erased_from_it_and_what_was_done_stays() -> None:
    ada, eve = make_customer(phone="+44 20"), make_customer("eve@example.com", first_name="Eve", last_name="")
    make_address(ada)
    type(ada).objects.filter(pk=ada.pk).update(last_name="King")
    with_words = "Fulfill 1 orders: search “ADA@example.com”"
    record(act="started", kind="job", label="Bulk job 1", note=with_words, by=ANA.origin())
    before = Activity.objects.count()
    assert erase(objects=[ada, ada.addresses.get()], user_ids=[], words=["ada@example.com", "Lovelace"]) == 4
    assert Activity.objects.count() == before
    everything = str(list(Activity.objects.values())).lower()
    for word in ("lovelace", "ada@example.com", "king", "st james", "+44 20"):
        assert word not in everything
    assert "eve@example.com" in everything
    assert eve.pk
    assert Activity.objects.filter(object_id=ada.pk, object_type="customers.customer", act="changed").get().changes == {
        "last_name": ["erased", "erased"]
    }


def test_its_short_address_leads_to_it(client: Client) -> None:
    answer = client.get("/admin/activity/?q=mug")
    assert answer.url == "/admin/backoffice/activity/?q=mug"  # type: ignore[attr-defined]
