"""Invitations: a link by mail, with which somebody sets a password of their own."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from backoffice import database_clock
from customers.models import User
from staff.models import Invitation

LIFETIME = timedelta(days=7)


def invite(*, user: User, by: User | None) -> str:
    """Send a link, and end the one that was sent before; return it, which whoever knows it can use."""
    token, now = secrets.token_urlsafe(32), database_clock.now()
    sent = {"token_hash": _hash(token), "invited_by": by, "sent_at": now, "expires_at": now + LIFETIME}
    Invitation.objects.update_or_create(user=user, defaults=sent | {"accepted_at": None})
    link = settings.BASE_URL + reverse("staff_invitation", args=[token])
    _send(user, by, link)
    return link


def _send(user: User, by: User | None, link: str) -> None:
    context = {
        "user": user,
        "invited_by": by,
        "url": link,
        "days": LIFETIME.days,
        "address": f"{settings.BASE_URL}/admin/",
    }
    get_adapter().send_mail("staff/email/invitation", user.email, context)


def is_open(user: User) -> bool:
    """Tell whether somebody was invited and has not come yet, be the link still good or not."""
    return Invitation.objects.filter(user=user, accepted_at=None).exists()


def invitation_of(token: str, *, lock: bool = False) -> Invitation | None:
    """Return what a link stands for, unless it was used, replaced or is too old."""
    rows = Invitation.objects.select_for_update(of=("self",)) if lock else Invitation.objects.all()
    valid = rows.filter(token_hash=_hash(token), accepted_at=None, expires_at__gt=Now(), user__is_active=True)
    return valid.select_related("user").first()


def accept(*, token: str, password: str) -> User | None:
    """Set the password; None if the link is not good any more."""
    with transaction.atomic():
        invitation = invitation_of(token, lock=True)
        if invitation is None:
            return None
        invitation.user.set_password(password)
        invitation.user.save(update_fields=["password"])
        Invitation.objects.filter(pk=invitation.pk).update(accepted_at=Now())
    return invitation.user


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
