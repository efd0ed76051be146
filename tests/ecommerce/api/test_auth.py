import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from customers.accounts import is_verified
from customers.models import Customer, User
from ecommerce.models import Order
from tests.support.api_client import PASSWORD, SDK, Answer, Api, sign_in
from tests.support.factories import make_customer, make_user
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
NEW = {"email": "Grace@Example.com", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper"}


def auth(path: str, body: dict[str, Any], api: Api | None = None) -> Answer:
    return (api or Api()).post(f"{SDK}/auth/{path}", body)


def key_in(message: Any) -> str:
    found = re.search(r"/shop/(?:password|confirm)/#(\S+)", message.body)
    assert found, message.body
    return found[1].replace("%3A", ":")


def test_signing_up_makes_a_customer_who_is_signed_in() -> None:
    answer = auth("register", NEW)

    assert answer.status == 200
    assert (answer.data["email"], answer.data["first_name"], answer.data["email_verified"]) == (
        "grace@example.com",
        "Grace",
        False,
    )
    customer = Customer.objects.get()
    assert customer.user is not None
    assert (customer.user.is_staff, customer.name) == (False, "Grace Hopper")
    assert Api(answer.data["auth_token"]).get(f"{SDK}/customer").data["id"] == customer.pk
    assert [message.to for message in deliver()] == [["grace@example.com"]]


def test_the_link_in_the_e_mail_confirms_the_address_once() -> None:
    api = Api(auth("register", NEW).data["auth_token"])
    key = key_in(deliver()[0])

    assert auth("email/verify", {"key": "x" + key}, api).refused == (422, "invalid_key")
    assert auth("email/verify", {"key": key}, api).data["password_key"] is None
    assert auth("email/verify", {"key": key}, api).refused == (422, "invalid_key")
    assert api.get(f"{SDK}/customer").data["email_verified"] is True


@pytest.mark.parametrize("signed_in_as", [None, "another"])
def test_the_password_of_whoever_signed_up_ends_unless_they_confirm_themselves(
    customer: Customer, signed_in_as: str | None
) -> None:
    stranger = auth("register", NEW).data
    api = sign_in() if signed_in_as else Api()
    confirmed = auth("email/verify", {"key": key_in(deliver()[0])}, api).data

    assert confirmed["message"] == "The e-mail address is confirmed. Now set a password."
    assert Api(stranger["auth_token"]).get(f"{SDK}/customer").status == 401
    assert auth("refresh", {"refresh_token": stranger["refresh_token"]}).status == 401
    assert auth("login", {"email": NEW["email"], "password": PASSWORD}).refused == (401, "invalid_credentials")
    chosen = "chosen by the owner of the mailbox"
    assert auth("password/reset", {"key": confirmed["password_key"], "password": chosen}).status == 200
    assert sign_in(NEW["email"], chosen).get(f"{SDK}/customer").data["email_verified"] is True
    assert auth("password/reset", {"key": confirmed["password_key"], "password": chosen}).status == 422


def test_who_signs_in_on_another_device_and_confirms_there_keeps_the_password(customer: Customer) -> None:
    auth("register", NEW)
    api = sign_in(NEW["email"], PASSWORD)
    assert auth("email/verify", {"key": key_in(deliver()[0])}, api).data["password_key"] is None
    assert auth("login", {"email": NEW["email"], "password": PASSWORD}).status == 200


def test_confirming_leaves_the_password_of_staff(customer: Customer) -> None:
    auth("register", NEW)
    user = User.objects.get(customer__email__iexact=NEW["email"])
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert auth("email/verify", {"key": key_in(deliver()[0])}).data["password_key"] is None
    assert User.objects.get(pk=user.pk).password == user.password


def test_the_link_is_sent_again_but_not_all_the_time() -> None:
    api = Api(auth("register", NEW).data["auth_token"])
    assert auth("email/resend", {}, api).refused == (429, "too_many_requests")
    assert len(deliver()) == 1


def test_signing_in_gives_a_token_and_the_customer_and_no_cookie(customer: Customer) -> None:
    api = Api()
    answer = auth("login?site_id=1", {"email": "ADA@example.com", "password": PASSWORD, "site_id": 1}, api)

    assert answer.status == 200
    assert (answer.data["id"], answer.data["token_type"], answer.data["expires_in"]) == (customer.pk, "Bearer", 3600)
    assert not api.client.cookies
    assert "Set-Cookie" not in answer.headers


def test_a_wrong_password_and_an_unknown_e_mail_answer_the_same(customer: Customer) -> None:
    wrong = auth("login", {"email": "ada@example.com", "password": "wrong"})
    unknown = auth("login", {"email": "nobody@example.com", "password": "wrong"})
    no_email = auth("login", {"email": "nobody", "password": "wrong"})
    make_user("staff", email="staff@example.com")
    staff = auth("login", {"email": "staff@example.com", "password": "staff"})
    User.objects.filter(customer=customer).update(is_active=False)
    inactive = auth("login", {"email": "ada@example.com", "password": PASSWORD})

    assert wrong.refused == (401, "invalid_credentials")
    for answer in (unknown, no_email, staff, inactive):
        assert (answer.status, answer.body) == (wrong.status, wrong.body)


def test_repeated_failures_lock_out_whoever_knows_the_password_too(customer: Customer) -> None:
    for _ in range(5):
        assert auth("login", {"email": "ada@example.com", "password": "wrong"}).status == 401
    locked = auth("login", {"email": "Ada@example.com", "password": PASSWORD})

    assert locked.refused == (429, "too_many_requests")
    assert locked.headers["Retry-After"] == "300"
    unknown = [auth("login", {"email": "nobody@example.com", "password": "wrong"}).status for _ in range(6)]
    assert unknown == [401] * 5 + [429]


def test_signing_out_ends_the_token_and_its_refresh(customer: Customer) -> None:
    signed_in = auth("login", {"email": "ada@example.com", "password": PASSWORD}).data
    other = sign_in()
    api = Api(signed_in["auth_token"])

    assert auth("logout", {}, api).status == 200
    assert api.get(f"{SDK}/customer").refused == (401, "unauthorized")
    assert auth("refresh", {"refresh_token": signed_in["refresh_token"]}).refused == (401, "unauthorized")
    assert other.get(f"{SDK}/customer").status == 200
    assert Session.objects.count() == 1


def test_a_refresh_token_is_good_for_one_refresh(customer: Customer) -> None:
    first = auth("login", {"email": "ada@example.com", "password": PASSWORD}).data
    second = auth("refresh", {"refresh_token": first["refresh_token"]}).data

    assert Api(second["auth_token"]).get(f"{SDK}/customer").status == 200
    assert auth("refresh", {"refresh_token": first["auth_token"]}).status == 401
    assert Api(first["refresh_token"]).get(f"{SDK}/customer").status == 401
    assert auth("refresh", {"refresh_token": second["refresh_token"]}).status == 200


def test_a_spent_refresh_token_used_again_ends_all_tokens_of_its_sign_in(customer: Customer) -> None:
    first = auth("login", {"email": "ada@example.com", "password": PASSWORD}).data
    other = auth("login", {"email": "ada@example.com", "password": PASSWORD}).data
    second = auth("refresh", {"refresh_token": first["refresh_token"]}).data
    third = auth("refresh", {"refresh_token": second["refresh_token"]}).data

    assert auth("refresh", {"refresh_token": first["refresh_token"]}).refused == (401, "unauthorized")

    for tokens in (first, second, third):
        assert Api(tokens["auth_token"]).get(f"{SDK}/customer").refused == (401, "unauthorized")
        assert auth("refresh", {"refresh_token": tokens["refresh_token"]}).refused == (401, "unauthorized")
    # Another sign-in of the same customer is not touched.
    assert Api(other["auth_token"]).get(f"{SDK}/customer").status == 200
    assert auth("refresh", {"refresh_token": other["refresh_token"]}).status == 200
    assert Session.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
def test_what_is_no_refresh_token_ends_nothing(token: str, ada: Api) -> None:
    assert auth("refresh", {"refresh_token": token}).status in {400, 401, 422}
    assert ada.get(f"{SDK}/customer").status == 200


def test_signing_in_anew_does_not_mind_an_old_token(ada: Api) -> None:
    assert auth("login", {"email": "ada@example.com", "password": PASSWORD}, ada).status == 200


def test_a_forgotten_password_is_set_by_the_link_once_and_ends_old_sessions(ada: Api) -> None:
    assert auth("password/forgot", {"email": "ada@example.com"}).status == 200
    key = key_in(deliver()[0])
    fresh = "another long password"

    assert auth("password/reset", {"key": key, "password": "123"}).refused == (422, "invalid_password")
    assert auth("password/reset", {"key": "1-x", "password": fresh}).refused == (422, "invalid_key")
    assert auth("password/reset", {"key": key, "password": fresh}).status == 200
    assert auth("password/reset", {"key": key, "password": fresh}).refused == (422, "invalid_key")
    assert ada.get(f"{SDK}/customer").status == 401
    assert sign_in(password=fresh).get(f"{SDK}/customer").status == 200


def test_forgetting_answers_the_same_for_an_unknown_e_mail_and_sends_nothing_to_staff(customer: Customer) -> None:
    make_user("staff", email="staff@example.com")
    known = auth("password/forgot", {"email": "ada@example.com"})
    for email in ("nobody@example.com", "staff@example.com"):
        assert auth("password/forgot", {"email": email}).body == known.body
    assert [message.to for message in deliver()] == [["ada@example.com"]]


def test_a_known_e_mail_is_not_signed_up_again(customer: Customer) -> None:
    answer = auth("register", NEW | {"email": "ADA@example.com"})
    assert answer.refused == (409, "email_taken")
    assert (User.objects.count(), Customer.objects.count()) == (1, 1)
    assert auth("login", {"email": "ada@example.com", "password": PASSWORD}).status == 200


def test_a_customer_made_by_staff_is_claimed_by_the_link_and_only_so() -> None:
    made = make_customer("grace@example.com")
    assert auth("register", NEW).refused == (409, "email_taken")
    assert auth("login", {"email": "grace@example.com", "password": PASSWORD}).status == 401
    made.refresh_from_db()
    assert made.user is None

    chosen = "chosen by whoever reads the e-mail"
    assert auth("password/reset", {"key": key_in(deliver()[-1]), "password": chosen}).status == 200
    made.refresh_from_db()
    assert made.user is not None
    assert is_verified(made.user)
    assert auth("login", {"email": "grace@example.com", "password": PASSWORD}).status == 401
    assert sign_in("grace@example.com", chosen).get(f"{SDK}/customer").data["id"] == made.pk


def test_a_member_of_staff_does_not_become_a_customer_by_a_link() -> None:
    staff = make_user("staff", email="grace@example.com")
    make_customer("grace@example.com")
    assert auth("register", NEW).refused == (409, "email_taken")
    assert auth("password/forgot", {"email": "grace@example.com"}).status == 200
    assert deliver() == []
    staff.refresh_from_db()
    assert staff.check_password("staff")


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"password": "123"}, "password"), ({"password": "password"}, "password"), ({"email": "grace"}, "email")],
)
def test_a_bad_password_or_e_mail_is_refused(changed: dict[str, str], field: str) -> None:
    answer = auth("register", NEW | changed)
    assert (answer.refused, answer.error["field"]) == ((422, f"invalid_{field}"), field)
    assert User.objects.count() == 0


def test_customers_do_not_sign_in_to_the_admin_nor_staff_by_e_mail(customer: Customer) -> None:
    make_user("staff", email="staff@example.com")
    for name, password in (("ada@example.com", PASSWORD), ("staff@example.com", "staff")):
        assert not Client().login(username=name, password=password)
    assert Client().login(username="staff", password="staff")


def test_a_customers_token_opens_nothing_for_staff(ada: Api) -> None:
    assert ada.get("/api/v1/core/orders").refused == (401, "unauthorized")
    assert Order.objects.count() == 0
