"""A changed e-mail: all copies, the old mailbox's links and sessions, and Stripe's customer."""

import re
import threading
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from billing import gateway
from billing.customer_updates import execute_update
from billing.models import CustomerUpdate
from billing.settlement import stripe_customer
from customers.accounts import CustomerAccounts, StaleLinkError, create_account, is_confirmed
from customers.actors import Actor
from customers.change_email import EmailError, change_email
from customers.models import Customer, User
from customers.resources import CustomerResource
from tests.support.api_client import PASSWORD, SDK, Answer, Api, sign_in
from tests.support.factories import ANA, make_card, make_customer, make_staff, make_user, place_order
from tests.support.forms import filled_in, sentences
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
OLD, NEW = "ada@example.com", "New@Example.org"


@pytest.fixture
def customer() -> Customer:
    customer = make_customer(OLD)
    create_account(customer=customer, password=PASSWORD)
    return customer


@pytest.fixture
def told(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def change(customer: Customer, email: str = NEW, by: Actor = ANA) -> bool:
    return change_email(customer=customer, email=email, by=by, at=timezone.now())


def auth(path: str, **body: str) -> Answer:
    return Api().post(f"{SDK}/auth/{path}", body)


def keys(to: str, page: str) -> list[str]:
    bodies = [message.body for message in deliver() if message.to == [to]]
    return [found.replace("%3A", ":") for body in bodies for found in re.findall(rf"/shop/{page}/#(\S+)", str(body))]


def copies(customer: Customer) -> tuple[Any, ...]:
    user = User.objects.get(customer=customer)
    addresses = EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")
    return (Customer.objects.get(pk=customer.pk).email, user.email, list(addresses))


def test_all_copies_change_and_both_mailboxes_are_told(customer: Customer, told: Any) -> None:
    with told():
        assert change(customer)

    assert copies(customer) == (NEW, "new@example.org", [("new@example.org", False, True)])
    assert [message.to for message in deliver()] == [[OLD], [NEW]]
    assert "new@example.org" not in deliver()[0].body.lower()
    assert not is_confirmed(Customer.objects.get())
    (key,) = keys(NEW, "confirm")
    assert auth("email/verify", key=key).status == 200
    assert is_confirmed(Customer.objects.get())


def test_sessions_tokens_and_links_of_the_old_mailbox_end(customer: Customer, told: Any) -> None:
    api = sign_in()
    refresh = auth("login", email=OLD, password=PASSWORD).data["refresh_token"]
    EmailAddress.objects.update(verified=False)
    assert auth("password/forgot", email=OLD).status == 200
    api.post(f"{SDK}/auth/email/resend", {})
    (reset,), (confirm,) = keys(OLD, "password"), keys(OLD, "confirm")
    with told():
        change(customer)

    assert api.get(f"{SDK}/customer").status == 401
    assert auth("refresh", refresh_token=refresh).status == 401
    assert auth("password/reset", key=reset, password="another long password").refused == (422, "invalid_key")
    assert auth("email/verify", key=confirm).refused == (422, "invalid_key")
    assert auth("login", email=OLD, password=PASSWORD).status == 401
    deliver().clear()
    assert auth("password/forgot", email=OLD).status == 200
    assert deliver() == []
    assert auth("password/forgot", email="NEW@example.ORG").status == 200
    assert (
        auth("password/reset", key=keys("new@example.org", "password")[0], password="a long one, and new").status == 200
    )
    assert sign_in(NEW, "a long one, and new").get(f"{SDK}/customer").data["email_verified"] is True


def test_a_later_customer_of_the_old_email_is_another_person(customer: Customer, told: Any) -> None:
    with told():
        change(customer)
    later = make_customer(OLD)
    assert auth("password/forgot", email=OLD).status == 200
    chosen = "chosen by whoever reads the e-mail"
    assert auth("password/reset", key=keys(OLD, "password")[-1], password=chosen).status == 200

    assert sign_in(OLD, chosen).get(f"{SDK}/customer").data["id"] == later.pk
    assert sign_in(NEW, PASSWORD).get(f"{SDK}/customer").data["id"] == customer.pk


def test_a_link_to_claim_ends_with_the_email_it_was_sent_to(told: Any) -> None:
    made = make_customer(OLD)
    assert auth("password/forgot", email=OLD).status == 200
    deliver()
    with told():
        change(made)

    refused = auth("password/reset", key=keys(OLD, "password")[0], password="a password long enough")
    assert refused.refused == (422, "invalid_key")
    assert Customer.objects.get().user is None
    assert auth("password/forgot", email=NEW).status == 200
    assert auth("password/reset", key=keys(NEW.lower(), "password")[0], password="a password long enough").status == 200
    assert Customer.objects.get().user is not None


def test_an_old_password_shows_nothing_from_before_until_the_new_mailbox_confirms(
    customer: Customer, told: Any
) -> None:
    make_card(customer)
    order = place_order(customer=customer)
    with told():
        change(customer)
    api = sign_in(NEW, PASSWORD)

    shown = api.get(f"{SDK}/customer").data
    assert (shown["email_verified"], shown["addresses"], shown["sources"]) == (False, [], [])
    assert api.get(f"{SDK}/ecommerce/orders/{order.number}").status == 404
    assert api.post(f"{SDK}/auth/email/verify", {"key": keys(NEW, "confirm")[0]}).data["password_key"] is None
    assert len(api.get(f"{SDK}/customer").data["sources"]) == 2
    assert api.get(f"{SDK}/ecommerce/orders/{order.number}").status == 200


@pytest.mark.parametrize("email", ["grace@example.com", "GRACE@example.com", "\uff47race@example.com"])
def test_an_email_of_another_is_refused_and_nothing_happened(customer: Customer, email: str, told: Any) -> None:
    make_customer("grace@example.com")
    before = copies(customer)
    with told(), pytest.raises(EmailError, match="has this e-mail already"):
        change(customer, email)

    assert copies(customer) == before
    assert deliver() == []
    assert not CustomerUpdate.objects.exists()


def test_an_email_of_staff_is_refused_for_an_account(customer: Customer) -> None:
    make_user("boss", email=NEW)
    with pytest.raises(EmailError, match="Another account"):
        change(customer)
    assert User.objects.get(customer=customer).email == OLD


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a b@example.com", "a@example.com\n", "x" * 250 + "@example.com"])
def test_what_is_no_email_is_refused(customer: Customer, email: str) -> None:
    if email.strip() == "a@example.com":
        email = "a\n@example.com"
    with pytest.raises(EmailError):
        change(customer, email)
    assert Customer.objects.get().email == OLD


def test_another_case_is_the_same_mailbox(customer: Customer, told: Any) -> None:
    api = sign_in()
    with told():
        assert change(customer, "Ada@Example.com")
        assert not change(customer, "Ada@Example.com")

    assert copies(customer) == ("Ada@Example.com", OLD, [(OLD, True, True)])
    assert api.get(f"{SDK}/customer").status == 200
    assert deliver() == []


def test_a_member_of_staff_keeps_the_email_that_support_may_not_change(customer: Customer) -> None:
    User.objects.filter(customer=customer).update(is_staff=True)
    support, boss = make_staff("support"), User.objects.create_superuser("boss")
    with pytest.raises(EmailError, match="member of staff"):
        change(customer, by=Actor.staff(support))
    assert change(customer, by=Actor.staff(boss))


def test_stripe_is_told_by_a_worker(customer: Customer) -> None:
    make_card(customer)
    change(customer)
    update = CustomerUpdate.objects.get()
    assert update.next_attempt_at is not None
    execute_update(update_id=update.pk)

    done = CustomerUpdate.objects.get()
    assert (done.next_attempt_at, done.error) == (None, "")
    stored = gateway.client().v1.customers.retrieve(customer.stripe_customer_id or "")
    assert stored.email == NEW


def test_a_change_during_the_call_is_sent_too(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    make_card(customer)
    change(customer)
    sent: list[str] = []

    def send(_id: str, *, email: str) -> None:
        if not sent:
            change(Customer.objects.get(pk=customer.pk), "third@example.com")
        sent.append(email)

    monkeypatch.setattr(gateway, "update_customer", send)
    pk = CustomerUpdate.objects.get().pk
    execute_update(update_id=pk)
    execute_update(update_id=pk)
    execute_update(update_id=pk)

    assert sent == [NEW, "third@example.com"]


@pytest.mark.parametrize(
    ("error", "waits"), [(gateway.Unavailable("away"), True), (gateway.InvalidRequest("gone", code="x"), False)]
)
def test_stripe_away_is_tried_again_and_a_refusal_is_kept(
    customer: Customer, monkeypatch: pytest.MonkeyPatch, error: Exception, *, waits: bool
) -> None:
    make_card(customer)
    change(customer)

    def fail(_id: str, *, email: str) -> None:
        raise error

    monkeypatch.setattr(gateway, "update_customer", fail)
    execute_update(update_id=CustomerUpdate.objects.get().pk)

    update = CustomerUpdate.objects.get()
    assert (update.next_attempt_at is not None) is waits
    assert update.error


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_to_one_email_at_once_one_is_refused() -> None:
    people = [make_customer("a@example.com"), make_customer("b@example.com")]
    for each in people:
        create_account(customer=each, password=PASSWORD)
    start = threading.Barrier(2)
    ends: list[bool | str] = []

    def run(customer: Customer) -> None:
        start.wait()
        try:
            ends.append(change(customer))
        except EmailError as error:
            ends.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[each]) for each in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ends) == 2
    assert ends.count(True) == 1
    (winner,) = Customer.objects.with_email(NEW)
    assert User.objects.with_email(NEW).get() == winner.user
    assert EmailAddress.objects.filter(email="new@example.org").count() == 1


def test_the_customer_page_changes_the_email_of_the_account(customer: Customer, as_role: Any, told: Any) -> None:
    browser: Client = as_role("Support")
    page = f"/admin/customers/customer/{customer.pk}/change/"
    with told():
        answer = browser.post(page, filled_in(browser.get(page)) | {"email": NEW, "phone": "1"}, follow=True)

    assert copies(customer) == (NEW, "new@example.org", [("new@example.org", False, True)])
    assert Customer.objects.get().phone == "1"
    assert "e-mail not confirmed" in sentences(answer)
    assert f"E-mail changed from {OLD} to {NEW}." in sentences(answer)
    assert [message.to for message in deliver()] == [[OLD], [NEW]]


def test_the_page_says_when_the_account_of_another_has_the_email(customer: Customer, as_role: Any) -> None:
    make_user("boss", email=NEW)
    browser: Client = as_role("Support")
    page = f"/admin/customers/customer/{customer.pk}/change/"
    answer = browser.post(page, filled_in(browser.get(page)) | {"email": NEW}, follow=True)

    assert "Another account has this e-mail already." in sentences(answer)
    assert copies(customer)[:2] == (OLD, OLD)


def test_a_link_that_is_followed_while_the_email_changes_does_nothing(customer: Customer) -> None:
    EmailAddress.objects.update(verified=False)
    user, address = User.objects.get(customer=customer), EmailAddress.objects.select_related("user").get()
    change(customer)
    with pytest.raises(StaleLinkError):
        CustomerAccounts().set_password(user, "of the old mailbox")
    with pytest.raises(StaleLinkError):
        CustomerAccounts().confirm_email(None, address)  # type: ignore[arg-type]

    assert User.objects.get(customer=customer).check_password(PASSWORD)
    assert not is_confirmed(Customer.objects.get())


def test_an_email_changed_while_stripe_makes_the_customer_is_sent_too(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = gateway.create_customer

    def change_meanwhile(**arguments: Any) -> str:
        change(Customer.objects.get(pk=customer.pk))
        CustomerUpdate.objects.update(next_attempt_at=None)  # a worker found no customer at Stripe yet
        return create(**arguments)

    monkeypatch.setattr(gateway, "create_customer", change_meanwhile)
    stripe_customer(customer, key="once")
    execute_update(update_id=CustomerUpdate.objects.get().pk)

    stored = gateway.client().v1.customers.retrieve(Customer.objects.get().stripe_customer_id or "")
    assert stored.email == NEW


def test_a_customer_is_made_at_stripe_though_the_email_changed_between_two_attempts(customer: Customer) -> None:
    stripe_customer(customer, key="twice")
    Customer.objects.update(stripe_customer_id=None, email=NEW)  # as after a time-out
    assert stripe_customer(Customer.objects.get(), key="twice")


def test_an_import_changes_no_email(customer: Customer) -> None:
    plan = CustomerResource().read(b"email,first_name\nADA@EXAMPLE.COM,Augusta\n")
    assert not plan.problems
    with transaction.atomic():
        CustomerResource().apply(plan.changes)
    ada = Customer.objects.get()
    assert (ada.email, ada.first_name, ada.profile_by_staff) == (OLD, "Augusta", True)
    assert is_confirmed(ada)


def test_the_email_of_staff_who_buy_here_changes_with_the_user(customer: Customer) -> None:
    User.objects.filter(customer=customer).update(is_staff=True)
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"), backend="staff.backends.StaffBackend")
    page = f"/admin/customers/user/{customer.user_id}/change/"
    answer = browser.post(page, filled_in(browser.get(page)) | {"email": NEW}, follow=True)

    assert answer.status_code == 200
    email = "New@example.org"  # Django's form lowers the domain
    assert (Customer.objects.get().email, User.objects.get(customer=customer).email) == (email, email)
    assert not is_confirmed(Customer.objects.get())


def test_a_name_from_staff_is_not_told_to_an_unconfirmed_account(customer: Customer, as_role: Any) -> None:
    EmailAddress.objects.update(verified=False)
    browser: Client = as_role("Support")
    page = f"/admin/customers/customer/{customer.pk}/change/"
    browser.post(page, filled_in(browser.get(page)) | {"phone": "+1 555"})
    api = sign_in()
    shown = api.get(f"{SDK}/customer").data
    assert (shown["first_name"], shown["phone"]) == ("", "")
    EmailAddress.objects.update(verified=True)
    shown = api.get(f"{SDK}/customer").data
    assert (shown["first_name"], shown["phone"]) == ("Ada", "+1 555")


def test_a_row_left_from_before_does_not_stop_a_reset(customer: Customer) -> None:
    EmailAddress.objects.create(user=make_user("other"), email="new@example.org", verified=True)
    with_account = make_customer(NEW)
    create_account(customer=with_account, password=PASSWORD)

    assert EmailAddress.objects.get(email="new@example.org").user == with_account.user
