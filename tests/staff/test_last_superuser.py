"""The last superuser keeps that right, by whatever way it would be lost."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from customers.models import User
from tests.support.forms import filled_in, sentences
from tests.support.front_door import a_member

LOSING: list[Callable[[User], Any]] = [
    lambda boss: boss.delete(),
    lambda boss: User.objects.all().delete(),
    lambda boss: User.objects.filter(pk=boss.pk)._raw_delete("default"),
    lambda boss: User.objects.update(is_superuser=False),
    lambda boss: User.objects.filter(pk=boss.pk).update(is_active=False),
    lambda boss: User.objects.bulk_update([User(pk=boss.pk, is_staff=False)], ["is_staff"]),
    lambda boss: connection.cursor().execute("DELETE FROM customers_user WHERE id = %s", [boss.pk]),
]


@pytest.fixture
def boss(db: None) -> User:
    return a_member("boss", is_superuser=True)


@pytest.mark.parametrize("lose", LOSING)
def test_it_is_lost_by_no_way(boss: User, lose: Callable[[User], Any]) -> None:
    a_member("gone", is_superuser=True, is_active=False)
    with pytest.raises(IntegrityError, match="last superuser"), transaction.atomic():
        lose(boss)
    boss.refresh_from_db()
    assert (boss.is_superuser, boss.is_active, boss.is_staff) == (True, True, True)


def test_with_another_superuser_it_is_given_up(boss: User) -> None:
    a_member("other", is_superuser=True)
    boss.is_superuser = False
    boss.save()
    a_member("ana").delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.get(username="other").delete()


def demote(boss: User, browser: Client, **changed: Any) -> Any:
    page = f"/admin/customers/user/{boss.pk}/change/"
    form = filled_in(browser.get(page))
    for name, value in changed.items():
        form.pop(name) if value is None else form.update({name: value})
    return browser.post(page, form)


@pytest.mark.parametrize("right", ["is_superuser", "is_active"])
def test_the_form_says_so(boss: User, right: str) -> None:
    browser = Client()
    browser.force_login(boss)
    assert "This is the last superuser" in sentences(demote(boss, browser, **{right: None}))
    assert demote(boss, browser, first_name="Bo").status_code == 302


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> None:
        start.wait()
        try:
            results.append(act())
        except IntegrityError as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_two_at_once_can_not_take_it_from_each_other(round_: int) -> None:
    bosses = [a_member(f"boss{number}", is_superuser=True) for number in range(2)]
    both_changed = threading.Barrier(2)

    def take(boss: User) -> None:
        with transaction.atomic():
            both_changed.wait(timeout=5)
            User.objects.filter(pk=boss.pk).update(is_superuser=False)

    results = at_once(*(lambda boss=boss: take(boss) for boss in bosses))

    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "NoneType"]
    assert User.objects.filter(is_superuser=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_forms_at_once_leave_one_and_tell_the_other() -> None:
    bosses = [a_member(f"boss{number}", is_superuser=True) for number in range(2)]
    clients = [Client(), Client()]
    for boss, browser in zip(bosses, clients, strict=True):
        browser.force_login(boss)

    answers = at_once(
        *(
            lambda boss=boss, browser=browser: demote(boss, browser, is_superuser=None)
            for boss, browser in zip(bosses, clients, strict=True)
        )
    )

    assert User.objects.filter(is_superuser=True).count() == 1
    assert sorted(answer.status_code for answer in answers) == [200, 302]
