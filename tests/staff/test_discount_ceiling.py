from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client

from backoffice.models import Activity
from staff.models import RoleSettings
from tests.support.forms import filled_in, sentences
from tests.support.front_door import a_member

pytestmark = pytest.mark.django_db


def test_the_ceiling_is_a_field_on_the_page_of_the_role(roles: None, client: Client) -> None:
    group = Group.objects.get(name="Manager")
    client.force_login(a_member("boss", is_superuser=True))
    page = f"/admin/auth/group/{group.pk}/change/"
    form = filled_in(client.get(page))
    for wrong in ("-1", "100.01", "7.555", "much"):
        refused = client.post(page, form | {"discount_ceiling": wrong})
        assert refused.status_code == 200, sentences(refused)
    assert client.post(page, form | {"discount_ceiling": "7.5"}).status_code == 302
    assert RoleSettings.objects.get(role=group).discount_ceiling == Decimal("7.50")
    change = Activity.objects.latest("pk")
    assert change.changes == {"discount_ceiling": ["", "7.5 %"]}
    assert filled_in(client.get(page))["discount_ceiling"] == "7.50"
    client.post(page, form | {"discount_ceiling": ""})
    assert RoleSettings.objects.get(role=group).discount_ceiling is None


def test_the_database_holds_it_to_a_percentage(roles: None) -> None:
    role = Group.objects.get(name="Manager")
    for wrong in (-1, 101):
        with pytest.raises(IntegrityError), transaction.atomic():
            RoleSettings.objects.create(role=role, discount_ceiling=wrong)
