"""The texts of mails: changed, checked, shown on a real order, tried on oneself, switched off; and who is mailed."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from customers.models import Mail, MailTemplate, User
from ecommerce.mails.examples import SOURCES
from ecommerce.mails.letters_by_kind import LETTERS
from ecommerce.mails.texts import TEXTS
from ecommerce.models import BulkJob, Order, OrderAct
from tests.support.factories import make_customer, make_sku
from tests.support.mailbox import mail_kinds
from tests.support.order_acts import paid, paid_lines
from tests.support.rows import a_paid_order

pytestmark = pytest.mark.django_db
PAGES = "/admin/customers/mailtemplate/"
ORDERS = "/admin/ecommerce/order/"
PAID = f"{ORDERS}?status__exact=paid"
AsRole = Callable[[str], Client]


def posted(client: Client, kind: str, act: str = "save", **changed: str) -> Any:
    page = client.get(f"{PAGES}{kind}/").context["form"]
    values = {name: page[name].value() for name in ("subject", "opening", "closing")}
    return client.post(f"{PAGES}{kind}/", {"enabled": "on", **values, "act": act, **changed}, follow=True)


def test_each_kind_has_texts_a_letter_and_an_example(as_role: AsRole) -> None:
    assert set(TEXTS) == set(LETTERS) == set(SOURCES)
    manager = as_role("Manager")
    shown = manager.get(PAGES).content.decode()
    for kind in TEXTS:
        assert str(Mail.Kind(kind).label) in shown
        assert manager.get(f"{PAGES}{kind}/").status_code == 200
    assert "when they are sent, and what they say" in manager.get("/admin/settings/").content.decode()


def test_a_changed_text_is_kept_and_one_as_shipped_is_not_stored(as_role: AsRole) -> None:
    manager = as_role("Manager")
    posted(manager, "shipped", subject="Your parcel of {{ order_number }}")
    stored = MailTemplate.objects.get()
    assert (stored.subject, stored.opening, stored.closing, stored.enabled) == (
        "Your parcel of {{ order_number }}", "", "", True,
    )  # fmt: skip
    assert "Your own" in manager.get(PAGES).content.decode()
    posted(manager, "shipped", act="reset")
    assert MailTemplate.objects.get().subject == ""


def test_a_mistake_is_told_when_it_is_saved(as_role: AsRole) -> None:
    page = posted(as_role("Manager"), "shipped", opening="Dear {{ nmae }}").content.decode()
    assert "There is no placeholder nmae here." in page
    assert not MailTemplate.objects.exists()


def test_a_kind_is_switched_off_but_not_one_that_the_law_wants(as_role: AsRole) -> None:
    manager = as_role("Manager")
    for kind in ("shipped", "withdrawal"):
        values = {"subject": "", "opening": "", "closing": "", "act": "save"}
        manager.post(f"{PAGES}{kind}/", values)
    assert dict(MailTemplate.objects.values_list("kind", "enabled")) == {"shipped": False, "withdrawal": True}
    for kind, why in (("withdrawal", "The law wants these mails"), ("payment_link", "Staff send these mails by hand")):
        assert f"{why}: they can&#x27;t be switched off." in manager.get(f"{PAGES}{kind}/").content.decode()


def test_the_preview_is_of_a_real_order_and_writes_nothing(as_role: AsRole) -> None:
    first, last = paid(), paid()
    Mail.objects.all().delete()
    manager = as_role("Manager")
    shown = posted(manager, "order_confirmed", act="preview", subject="Hurrah {{ order_number }}").content.decode()
    assert f"Hurrah {last.number}" in shown
    shown = posted(manager, "order_confirmed", act="preview", order=f"#{first.number}").content.decode()
    assert f"Order {first.number} is confirmed" in shown
    assert "&lt;td class=&quot;line ink&quot;" in shown
    assert "USD 15.00" in shown
    shown = posted(manager, "shipped", act="preview", order=first.number).content.decode()
    assert f"Order {first.number} has no mail of this kind." in shown
    assert (Mail.objects.count(), MailTemplate.objects.count()) == (0, 0)


def test_a_test_mail_goes_to_oneself_alone(as_role: AsRole) -> None:
    order = paid()
    Mail.objects.all().delete()
    manager = as_role("Manager")
    assert "You have no e-mail" in posted(manager, "order_confirmed", act="test").content.decode()
    User.objects.filter(username="manager").update(email="mo@example.com")
    posted(manager, "order_confirmed", act="test", subject="Try {{ order_number }}")
    mail = Mail.objects.get()
    assert (mail.recipient, mail.subject) == ("mo@example.com", f"Test: Try {order.number}")
    assert order.number in mail.html
    assert (mail.about, mail.data) == (None, {"example_of": order.pk})
    assert not MailTemplate.objects.exists()


def test_who_may_change_the_texts(as_role: AsRole) -> None:
    assert as_role("Support").get(PAGES).status_code == 403
    assert as_role("Viewer").post(f"{PAGES}shipped/", {"act": "save"}).status_code == 403


@pytest.mark.parametrize("ticked", [True, False])
def test_the_box_of_an_act_says_whether_the_customer_is_mailed(as_role: AsRole, *, ticked: bool) -> None:
    order = paid_lines((make_sku(shippable=True), 1))
    manager = as_role("Manager")
    url = f"{ORDERS}{order.pk}/fulfill/"
    page = manager.get(url).content.decode()
    assert re.search(r'name="notify" value="1" checked', page)
    manager.post(url, {"confirmed": "", "notify": "1"} if ticked else {"confirmed": ""})
    assert mail_kinds(order)[1:] == (["shipped"] if ticked else [])


def test_a_box_that_was_not_ticked_stays_so_when_the_amount_is_confirmed(as_role: AsRole) -> None:
    order = paid(customer=make_customer())
    manager = as_role("Manager")
    url = f"{ORDERS}{order.pk}/refund/"
    asked = manager.get(url, {"confirmed": "", "amount": "5.00"})
    assert 'name="notify" value="1">' in asked.content.decode()
    manager.post(url, {"confirmed": "500", "amount": "5.00"})
    assert not OrderAct.objects.get(order=order, kind="refund").notify


@pytest.mark.parametrize(("count", "ticked"), [(2, True), (51, False)])
def test_a_mass_action_mails_more_than_fifty_only_if_staff_say_so(as_role: AsRole, count: int, *, ticked: bool) -> None:
    customer, sku = make_customer(), make_sku()
    orders = [a_paid_order(customer, sku, quantity=1) for _ in range(count)]
    manager = as_role("Manager")
    ticked_rows = [str(each.pk) for each in orders]
    ticks = {"action": "fulfill_orders", "select_across": "0", "index": "0", "_selected_action": ticked_rows}
    page = manager.post(PAID, ticks).content.decode()
    assert bool(re.search(r'name="notify" value="1" checked', page)) is ticked
    manager.post(PAID, {**ticks, "confirmed": "1", **({} if ticked else {"notify": "1"})})
    assert BulkJob.objects.get().notify is not ticked
    assert Order.objects.count() == count
