import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.emails import email_key, normal_email
from customers.models import Customer, User
from tests.support.examples import some_of
from tests.support.factories import make_customer, make_user

pytestmark = pytest.mark.django_db

SAME = [
    ("ada@example.com", "ADA@Example.COM"),
    ("ada@example.com", " ada@example.com\u3000"),
    ("ada@example.com", "\uff41\uff44\uff41\uff20example.com"),  # fullwidth
    ("kim@example.com", "\u212aim@example.com"),  # Kelvin sign
    ("sam@example.com", "\u017fam@example.com"),  # long s
    ("josé@example.com", "jose\u0301@example.com"),
    ("JOSÉ@example.com", "jose\u0301@example.com"),
    ("straße@example.com", "STRASSE@example.com"),
    ("straße@example.com", "STRA\u1e9eE@example.com"),
    ("νίκος@example.com", "ΝΊΚΟΣ@example.com"),  # final sigma
    ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ("ada@bücher.example", "ADA@XN--BCHER-KVA.EXAMPLE"),
    ("ada@bücher.example", "ada@BU\u0308CHER\u3002example"),
    ("ada@straße.example", "ada@xn--strae-oqa.example"),
]
DIFFERENT = [
    ("sim@example.com", "sım@example.com"),  # dotless i
    ("SIM@example.com", "sİm@example.com"),  # dotted I
    ("ada@example.com", "adá@example.com"),
    ("ada@example.com", "a.da@example.com"),
    ("ada@example.com", "ada@example.co"),
    ("a@b@example.com", "a@xn--b-@example.com"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_email_is_one_customer_and_one_user(one: str, other: str) -> None:
    customer = make_customer(one)
    user = User.objects.create_user("one", one)

    assert Customer.objects.with_email(other).get() == customer
    assert User.objects.with_email(other).get() == user
    for again in (lambda: make_customer(other), lambda: User.objects.create_user("other", other)):
        with pytest.raises(IntegrityError), transaction.atomic():
            again()
    with pytest.raises(ValidationError, match="Another customer has this e-mail"):
        Customer(email=other).validate_constraints()
    with pytest.raises(ValidationError, match="Another user has this e-mail"):
        User(username="other", email=other).validate_constraints()


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_emails_are_two_customers(one: str, other: str) -> None:
    first, second = make_customer(one), make_customer(other)

    assert Customer.objects.with_email(one).get() == first
    assert Customer.objects.with_email(other).get() == second


@given(st.text(max_size=40))
@settings(max_examples=some_of(500))
def test_a_key_is_that_of_every_spelling(text: str) -> None:
    key = email_key(text)

    assert email_key(key) == key
    assert email_key(normal_email(text)) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert email_key(unicodedata.normalize(form, text)) == key


def test_every_way_to_write_an_email_writes_its_key() -> None:
    ada = make_customer("Ada@example.com")
    assert ada.email_key == "ada@example.com"
    ada.email = "B@example.com"
    ada.save(update_fields=["email"])
    assert Customer.objects.get().email_key == "b@example.com"
    Customer.objects.update(email="\uff23@example.com")
    assert Customer.objects.values_list("email", "email_key").get() == ("C@example.com", "c@example.com")
    Customer.objects.bulk_create([Customer(email="D@example.com")])
    assert Customer.objects.filter(email_key="d@example.com").exists()
    Customer.objects.update_or_create(pk=ada.pk, defaults={"email": "E@example.com"})
    assert Customer.objects.get(pk=ada.pk).email_key == "e@example.com"
    with pytest.raises(TypeError, match="written as text"):
        Customer.objects.update(email=Concat(F("email"), Value("x")))
    with pytest.raises(TypeError, match="written as text"):
        Customer.objects.bulk_update([ada], ["email"])


def test_users_without_an_email_are_many() -> None:
    make_user("one")
    make_user("two")
    assert User.objects.filter(email_key="").count() == 2
