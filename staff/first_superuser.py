"""The first superuser: invited on the server, since nobody is here yet who could invite."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.forms import modelform_factory

from customers.emails import EmailKeyQuerySet
from customers.models import User
from staff.forms import InviteForm
from staff.invitations import invite
from staff.models import Invitation

Form = modelform_factory(User, form=InviteForm, fields=["email", "is_superuser"])


class Refused(Exception):
    """Why nobody was invited, in a sentence."""


def superusers() -> EmailKeyQuerySet[User]:
    return User.objects.get_queryset().filter(is_superuser=True, is_staff=True, is_active=True)


def came() -> User | None:
    """Return a superuser who can sign in: one who was not invited, or followed the invitation."""
    return superusers().exclude(invitation__accepted_at=None, invitation__isnull=False).order_by("pk").first()


def invited_until(email: str) -> datetime | None:
    """Return until when somebody's invitation is good; None if there is none, or it is too old."""
    invited = Invitation.objects.filter(
        user__in=superusers().with_email(email), accepted_at=None, expires_at__gt=Now()
    ).first()
    return invited.expires_at if invited else None


def invite_first(email: str) -> str:
    """Invite the first superuser and return the link. Whoever was invited before and never came is deleted."""
    if somebody := came():
        raise Refused(
            f"{somebody} is a superuser already: superusers invite others in the admin, under Staff and roles > Staff."
        )
    with transaction.atomic():
        user = superusers().with_email(email).first() or _create(email)
        superusers().exclude(pk=user.pk).delete()
        return invite(user=user, by=None)


def _create(email: str) -> User:
    form = Form({"email": email, "is_superuser": True})
    if not form.is_valid():
        problems = " ".join(str(text) for texts in form.errors.values() for text in texts)
        raise Refused(f"{email}: {problems}")
    user: User = form.save()
    return user
