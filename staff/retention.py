"""Sessions that have ended, and where they were."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.retention import Rule, of_rows
from staff.models import StaffSession

# A sign-in writes its place a moment before its session.
SIGNING_IN = timedelta(days=1)


def _ended(_age: timedelta) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=Now())


def _places(_age: timedelta) -> QuerySet[StaffSession]:
    dead = StaffSession.objects.exclude(pk__in=StaffSession.objects.alive().values("pk"))
    return dead.filter(started_at__lte=Now() - SIGNING_IN)


RULES = (
    Rule(
        kind="sessions",
        what=_("sessions that have ended, with their tokens"),
        setting="SESSION_DAYS",
        models=("sessions.session",),
        when=_("once they have ended"),
        **of_rows(_ended),
    ),
    Rule(
        kind="staff_sessions",
        what=_("where staff were signed in"),
        setting="SESSION_DAYS",
        models=("staff.staffsession",),
        when=_("once the session has ended"),
        **of_rows(_places),
    ),
)
