from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from staff.models import StaffSession
from tests.support.factories import make_user
from tests.support.retention import age, removed

pytestmark = pytest.mark.django_db


def test_sessions_go_once_they_have_ended_and_where_they_were_with_them() -> None:
    user = make_user()
    for key, hours in (("ended", -1), ("alive", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(hours=hours))
    for key in ("ended", "alive", "signing_in"):
        StaffSession.objects.create(user=user, session_key=key, address="192.0.2.1", user_agent="")
    age(StaffSession.objects.exclude(session_key="signing_in"), 2, "started_at")
    assert (removed("sessions"), removed("staff_sessions")) == (1, 1)
    assert Session.objects.get().pk == "alive"
    assert set(StaffSession.objects.values_list("session_key", flat=True)) == {"alive", "signing_in"}
