"""The pages and statements that benchmarks measure still fit what there is; test_smoke.py runs the whole of them."""

import pytest
from django.utils import timezone

from benchmarks import bulk_fulfill, export, floors, orders, pages
from benchmarks.stock import acts
from customers.models import User
from ecommerce.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    orders.generate_up_to(200)
    return orders.get_user()


def test_each_page_shows_what_it_is_measured_by(user: User) -> None:
    sample = orders.sample(user)
    measured = pages.measure(pages=pages.our_pages(sample), user=user.pk, rounds=1)
    assert all(page["ms"] > 0 for page in measured.values())
    assert all(floors.page_ms(name, sample, rounds=1) > 0 for name in measured)


def test_the_floors_of_mass_actions_are_written(user: User) -> None:
    ids = orders.to_fulfill(10)
    assert bulk_fulfill._floor(user, ids) > 0
    assert Order.objects.filter(pk__in=ids, status="fulfilled", fulfilled_at__lte=timezone.now()).count() == len(ids)
    bulk_fulfill.undo(ids)
    assert acts.fulfill(Order.objects.filter(pk__in=ids), user) == len(ids)
    assert export._copy(200) > 0
    assert export._freeze(user) > 0
