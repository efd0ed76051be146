import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("address", "onward"), [("/shop/nothing/", "/shop/"), ("/nothing/", "/admin/")])
def test_an_address_where_nothing_is_says_so_and_leads_on(address: str, onward: str) -> None:
    answer = Client().get(address)
    assert answer.status_code == 404
    assert f'href="{onward}"' in answer.content.decode()


def test_a_page_of_the_shop_loads_nothing_but_ours_and_stripes() -> None:
    policy = Client().get("/shop/checkout/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
