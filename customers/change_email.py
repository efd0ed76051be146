"""Change a customer's e-mail, wherever it is kept: the only way to do so.

A customer without an account has one copy. An account has three more: the user's, allauth's, and the links and
sessions that were obtained through the old mailbox. Stripe's copy follows by an operation that billing executes.
"""

import logging
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import get_email_verification_url
from allauth.account.models import EmailAddress, get_emailconfirmation_model
from allauth.core.internal.httpkit import get_frontend_url
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from customers.accounts import this_site
from customers.actors import Actor, ActorKind
from customers.emails import email_key, normal_email
from customers.mail import outbox
from customers.models import Customer, Mail, User
from customers.signals import email_changed

logger = logging.getLogger(__name__)


class EmailError(Exception):
    """Why an e-mail can't be changed, in a sentence for whoever asked; nothing was changed."""


def change_email(*, customer: Customer, email: str, by: Actor, at: datetime) -> bool:
    """Change every copy of a customer's e-mail, end sessions and links of the old one, and tell both mailboxes.

    The account, if there is one, is unconfirmed until the new mailbox confirms. False if the e-mail is that already.
    Raise EmailError.
    """
    email = normal_email(email)
    _check_written(email)
    try:
        with transaction.atomic():
            return _change(customer, email, by=by, at=at)
    except IntegrityError as error:  # another request was given the same e-mail meanwhile
        raise _taken() from error


def _check_written(email: str) -> None:
    try:
        Customer._meta.get_field("email").run_validators(email)  # noqa: SLF001 - Django's public Meta API
        validate_email(email)
    except ValidationError as error:
        raise EmailError(" ".join(error.messages)) from error


def _change(customer: Customer, email: str, *, by: Actor, at: datetime) -> bool:
    # In this order everywhere: customer, user.
    locked = Customer.objects.select_for_update().get(pk=customer.pk)
    old = locked.email
    if old == email:
        return False
    check_email(customer=locked, email=email, by=by)
    new_mailbox = old.lower() != email.lower()
    changes = {"email": email} | ({"email_changed_at": at} if new_mailbox else {})
    Customer.objects.filter(pk=locked.pk).update(**changes)
    customer.refresh_from_db(fields=["email", "email_key", "email_changed_at"])
    _change_account(locked, old, email, new_mailbox=new_mailbox)
    email_changed.send(sender=Customer, customer=customer, at=at)
    _record(customer, old, email, by=by)
    if new_mailbox:
        _tell(customer, old=old, email=email)
    return True


def check_email(*, customer: Customer, email: str, by: Actor) -> None:
    """Raise EmailError where a customer, who may be a new one, can't have an e-mail; change nothing."""
    other = Customer.objects.with_email(email).exclude(pk=customer.pk).first()
    if other is not None:
        raise EmailError(_("%(customer)s has this e-mail already.") % {"customer": other})
    user = customer.user
    if user is None or customer.email == email:
        return
    if user.is_staff and user.pk != by.user_id and not _is_superuser(by):
        raise EmailError(_("This customer is a member of staff: an administrator changes the e-mail."))
    others = User.objects.with_email(email).exclude(pk=user.pk)
    if others.exclude(_unclaimed()).exists():
        raise _taken()


def _unclaimed() -> Q:
    # Made for a link that sets a password, which was never followed: nobody can sign in as such a user.
    return Q(is_staff=False, customer=None)


def _is_superuser(by: Actor) -> bool:
    return (
        by.kind is ActorKind.STAFF
        and by.user_id is not None
        and User.objects.filter(pk=by.user_id, is_superuser=True).exists()
    )


def _taken() -> EmailError:
    return EmailError(_("Another account has this e-mail already."))


def _change_account(customer: Customer, old: str, email: str, *, new_mailbox: bool) -> None:
    if customer.user_id is None:
        # The link to claim this customer was sent to the old mailbox: it ends with its user.
        User.objects.with_email(old).filter(_unclaimed()).delete()
        return
    User.objects.with_email(email).filter(_unclaimed()).delete()
    users = User.objects.select_for_update().filter(pk=customer.user_id)
    user = users.get()
    address = email if user.is_staff else email.lower()
    if not new_mailbox:
        users.update(email=address)
        return
    # A link that sets a password holds the e-mail it was sent to, and ends with it. A link that confirms holds the id
    # of allauth's row: that is made anew, or the old mailbox could confirm the new one.
    users.update(email=address, session_generation=F("session_generation") + 1)
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=email.lower(), primary=True, verified=False)


def _record(customer: Customer, old: str, email: str, *, by: Actor) -> None:
    """Write the history of the customer page, where somebody of the staff did it."""
    if by.user_id is None or by.kind is not ActorKind.STAFF:
        # Not by name: a log is kept longer than a customer may want to be known.
        logger.info("The e-mail of customer %s was changed by %s %s.", customer.pk, by.kind, by.user_id)
        return
    LogEntry.objects.create(
        user_id=by.user_id,
        content_type=ContentType.objects.get_for_model(Customer),
        object_id=str(customer.pk),
        object_repr=str(customer)[:200],
        action_flag=CHANGE,
        change_message=_("E-mail changed from %(old)s to %(new)s.") % {"old": old, "new": email},
    )


def _tell(customer: Customer, *, old: str, email: str) -> None:
    # The old mailbox is not told the new e-mail: it may be a stranger's.
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("email_was_changed", old, {}),
        ("email_is_new", email, _links(customer, email)),
    ]
    for template, mailbox, links in told:
        context = {"current_site": this_site(), **links}
        message = get_adapter().render_mail(f"account/email/{template}", mailbox, context)
        outbox.write(message, kind=Mail.Kind.ACCOUNT, about=customer)


def _links(customer: Customer, email: str) -> dict[str, str]:
    address = EmailAddress.objects.filter(user=customer.user_id, verified=False).first() if customer.user_id else None
    if address is None or email_key(address.email) != email_key(email):
        return {}
    confirmation = get_emailconfirmation_model().create(address)
    return {
        "activate_url": get_email_verification_url(None, confirmation),
        "password_url": get_frontend_url(None, "account_reset_password"),
    }
