"""What a customer does with the account: password, e-mail, addresses, cards, and its end."""

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from billing import gateway
from billing.models import Card, StripeRemoval
from billing.removals import execute_removal
from customers.accounts import is_confirmed
from customers.models import Address, Customer, User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Erasure, Order, Sku
from tests.support.api_client import PASSWORD, SDK, Api, paying, sign_in
from tests.support.factories import make_customer, make_sku
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
ME, NEW = f"{SDK}/customer", "another long passphrase"


def test_a_changed_password_ends_all_other_sessions_and_is_told(ada: Api) -> None:
    other = sign_in()
    answer = ada.post(f"{ME}/password", {"current_password": PASSWORD, "new_password": NEW})

    assert answer.status == 200
    assert Api(answer.data["auth_token"]).get(ME).status == 200
    for ended in (ada, other):
        assert ended.get(ME).status == 401
    assert Api().post(f"{SDK}/auth/login", {"email": "ada@example.com", "password": PASSWORD}).status == 401
    assert sign_in(password=NEW).get(ME).status == 200
    (told,) = deliver()
    assert (told.to, told.subject) == (["ada@example.com"], "Your password was changed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("password", {"new_password": NEW}),
        ("email", {"email": "new@example.com"}),
        ("delete", {}),
    ],
)
def test_each_asks_for_the_password_again_a_few_times(ada: Api, path: str, body: dict[str, str]) -> None:
    assert ada.post(f"{ME}/{path}", body).refused == (400, "malformed")
    answers = [ada.post(f"{ME}/{path}", body | {"current_password": "wrong"}).refused for _ in range(12)]
    assert answers[0] == (403, "wrong_password")
    assert answers[-1] == (429, "too_many_requests")
    assert User.objects.get().check_password(PASSWORD)
    assert Customer.objects.get().email == "ada@example.com"
    assert not Erasure.objects.exists()
    assert deliver() == []


def test_a_weak_new_password_is_refused(ada: Api) -> None:
    answer = ada.post(f"{ME}/password", {"current_password": PASSWORD, "new_password": "password"})
    assert (answer.refused, answer.error["field"]) == ((422, "invalid_password"), "new_password")
    assert ada.get(ME).status == 200


def test_a_changed_e_mail_is_confirmed_by_the_new_mailbox(ada: Api) -> None:
    answer = ada.post(f"{ME}/email", {"email": "Ada.New@example.com", "current_password": PASSWORD})

    assert (answer.status, answer.data["email"], answer.data["email_verified"]) == (200, "Ada.New@example.com", False)
    assert ada.get(ME).status == 401
    assert [message.to for message in deliver()] == [["ada@example.com"], ["Ada.New@example.com"]]
    assert EmailAddress.objects.get().verified is False
    assert not is_confirmed(Customer.objects.get())


def test_an_e_mail_of_another_is_refused_without_saying_whose(ada: Api) -> None:
    make_customer("grace@example.com", first_name="Grace", last_name="Hopper")
    answer = ada.post(f"{ME}/email", {"email": "GRACE@example.com", "current_password": PASSWORD})
    assert answer.refused == (409, "email_taken")
    assert "Hopper" not in str(answer.body)
    bad = ada.post(f"{ME}/email", {"email": "no e-mail", "current_password": PASSWORD})
    assert bad.refused == (422, "invalid_email")
    assert ada.get(ME).status == 200


def test_an_address_is_removed_and_stays_on_the_order(ada: Api, eve: Api) -> None:
    shirt = make_sku("SHIRT", shippable=True)
    where = {"name": "Ada", "line1": "1 Lane", "city": "London", "postal_code": "N1", "country": "GB"}
    address = {"type": "shipping", **where}
    saved = ada.post(f"{ME}/addresses", address).data["addresses"][0]["id"]
    assert ada.order({**paying(shirt), "address_id": saved}).status == 200

    assert eve.ask("DELETE", f"{ME}/addresses/{saved}").refused == (404, "unknown_address")
    with CaptureQueriesContext(connection) as queries:
        assert ada.ask("DELETE", f"{ME}/addresses/{saved}").data["addresses"] == []
    locked, removed = "FOR NO KEY UPDATE", 'DELETE FROM "customers_address"'
    said = [name for query in queries for name in (locked, removed) if name in query["sql"]]
    assert said == [locked, removed]  # so that webhooks number it in the order of the commits
    assert ada.ask("DELETE", f"{ME}/addresses/{saved}").refused == (404, "unknown_address")
    assert not Address.objects.exists()
    order = Order.objects.get()
    assert order.shipping_address is not None
    assert (order.address_id, order.shipping_address["line1"]) == (None, "1 Lane")


def test_a_card_goes_here_at_once_and_at_stripe_when_it_answers(ada: Api, fake_stripe: FakeStripeServer) -> None:
    (card,) = ada.post(f"{ME}/sources", {"token": "tok_visa"}).data["sources"]
    stripe_id = Customer.objects.get().stripe_customer_id or ""
    fake_stripe.faults({"match": "POST /v1/payment_methods", "fault": "status", "status": 503})
    assert ada.ask("DELETE", f"{ME}/sources/{card['id']}").data["sources"] == []

    removal = StripeRemoval.objects.get()
    execute_removal(removal_id=removal.pk)
    removal.refresh_from_db()
    assert (removal.attempts, removal.next_attempt_at is not None) == (1, True)
    fake_stripe.clear()
    due_now()
    execute_removal(removal_id=removal.pk)
    execute_removal(removal_id=removal.pk)
    removal.refresh_from_db()
    assert (removal.attempts, removal.next_attempt_at) == (2, None)
    assert gateway.client().v1.customers.payment_methods.list(stripe_id).data == []


def due_now() -> None:
    StripeRemoval.objects.update(next_attempt_at=Now())


def test_a_removal_whose_answer_was_lost_is_done_once(ada: Api, fake_stripe: FakeStripeServer) -> None:
    (card,) = ada.post(f"{ME}/sources", {"token": "tok_visa"}).data["sources"]
    ada.ask("DELETE", f"{ME}/sources/{card['id']}")
    fake_stripe.faults({"match": "POST /v1/payment_methods", "fault": "drop_after", "times": 1})
    removal = StripeRemoval.objects.get()
    for _ in range(2):
        due_now()
        execute_removal(removal_id=removal.pk)
    removal.refresh_from_db()
    assert removal.next_attempt_at is None


def test_a_card_saved_anew_is_not_detached(ada: Api) -> None:
    ada.post(f"{ME}/sources", {"token": "tok_visa"})
    card = Card.objects.get()
    ada.ask("DELETE", f"{ME}/sources/{card.pk}")
    assert ada.post(f"{ME}/sources", {"token": card.stripe_payment_method_id}).status == 200
    assert not StripeRemoval.objects.exists()


def test_an_account_is_removed_by_its_owner(ada: Api, mug: Sku) -> None:
    assert ada.order(paying(mug)).status == 200
    answer = ada.post(f"{ME}/delete", {"current_password": PASSWORD})

    assert answer.status == 200
    assert ada.get(ME).status == 401
    assert Customer.objects.get().erased_at is not None
    erasure = Erasure.objects.get()
    assert (erasure.by_kind, erasure.by_label) == ("customer", f"Customer {erasure.customer_id}")


def test_an_account_with_money_on_its_way_says_why_it_stays(ada: Api, mug: Sku, fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    number = ada.order(paying(mug)).order["number"]
    answer = ada.post(f"{ME}/delete", {"current_password": PASSWORD})
    assert answer.refused == (409, "account_busy")
    assert f"Order {number} waits for Stripe" in answer.error["message"]
    assert ada.get(ME).status == 200
