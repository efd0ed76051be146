import re

import pytest
from django.test import Client

from customers.actors import Actor
from customers.models import User
from ecommerce.models import ApiKey
from tests.support.api_client import CORE, Api
from tests.support.factories import make_user

pytestmark = pytest.mark.django_db
KEYS = "/admin/ecommerce/apikey/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="root"))
    return client


def test_a_key_is_shown_once_opens_what_it_may_and_is_revoked(root: Client) -> None:
    assert root.get(f"{KEYS}add/").status_code == 200
    made = root.post(f"{KEYS}add/", {"name": "Warehouse", "permissions": ["ecommerce.view_order"]})
    found = re.search(r'value="(po_\w+_[\w-]+)"', made.content.decode())
    assert found
    text, key = found[1], ApiKey.objects.get()
    assert f"The key of Warehouse ({key.prefix})" in made.content.decode()
    assert (key.made_by, key.permissions) == ("root", ["ecommerce.view_order"])
    assert "no-store" in made["Cache-Control"]
    for page in ("", f"{key.pk}/change/", f"{key.pk}/revoke/", "?revoked_at__isnull=True"):
        shown = root.get(KEYS + page)
        assert shown.status_code == 200
        assert text not in shown.content.decode()
        assert "Warehouse" in shown.content.decode()
    assert Api(text).get(f"{CORE}/orders").status == 200
    assert Api(text).post(f"{CORE}/orders/1/cancel").refused == (403, "permission_denied")

    assert root.post(f"{KEYS}{key.pk}/revoke/").status_code == 302
    assert Api(text).get(f"{CORE}/orders").refused == (401, "unauthorized")


def test_a_key_without_a_right_is_not_made(root: Client) -> None:
    assert "required" in root.post(f"{KEYS}add/", {"name": "Warehouse"}).content.decode()
    assert ApiKey.objects.count() == 0


def test_only_superusers_see_make_and_revoke_keys(client: Client) -> None:
    staff = make_user()
    staff.groups.set([])
    client.force_login(staff)
    key, _text = ApiKey.objects.create_key(name="x", permissions=[], by=Actor.staff(staff))
    for page in ("", "add/", f"{key.pk}/change/", f"{key.pk}/revoke/"):
        assert client.get(KEYS + page).status_code == 403
        assert client.post(KEYS + page).status_code == 403
    key.refresh_from_db()
    assert (key.revoked_at, ApiKey.objects.count()) == (None, 1)
