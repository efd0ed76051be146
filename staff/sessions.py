"""Where staff are signed in, and the end of it."""

from allauth.account.adapter import get_adapter
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest

from customers.models import User
from customers.sessions import SessionStore
from staff.models import StaffSession


def record(request: HttpRequest, user: User) -> None:
    dead = StaffSession.objects.filter(user=user).exclude(pk__in=StaffSession.objects.alive().values("pk"))
    dead.delete()
    if request.session.session_key is None:  # another person was signed in until now
        request.session.save()
    StaffSession.objects.update_or_create(
        session_key=request.session.session_key, defaults={"user": user, **_client(request)}
    )


def touch(request: HttpRequest) -> None:
    """Note that a session is in use, once a minute at most."""
    session = request.session
    if isinstance(session, SessionStore) and session.extend():
        StaffSession.objects.filter(session_key=session.session_key).update(seen_at=Now(), **_client(request))


def end(user: User, *, keys: list[str]) -> None:
    """End those of a user's sessions."""
    with transaction.atomic():
        ended = StaffSession.objects.filter(user=user, session_key__in=keys)
        Session.objects.filter(session_key__in=list(ended.values_list("session_key", flat=True))).delete()
        ended.delete()


def end_others(request: HttpRequest, user: User) -> None:
    others = StaffSession.objects.filter(user=user).exclude(session_key=request.session.session_key)
    end(user, keys=list(others.values_list("session_key", flat=True)))


def end_all(user: User) -> None:
    """Sign a user out everywhere, on the website too."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
        end(user, keys=list(StaffSession.objects.filter(user=user).values_list("session_key", flat=True)))


def _client(request: HttpRequest) -> dict[str, str]:
    adapter, length = get_adapter(), StaffSession._meta.get_field("user_agent").max_length  # noqa: SLF001 - Django's public Meta API
    return {"address": adapter.get_client_ip(request), "user_agent": adapter.get_http_user_agent(request)[:length]}
