"""Which mails need somebody's attention, and what is to be said of an e-mail."""

from django.db.models import Exists, OuterRef, Q

from customers.models import Customer, Mail, User

# Somebody still has that e-mail; and what bounced is followed by no later mail that has arrived there.
_HAS_EMAIL = [Exists(model.objects.filter(email_key=OuterRef("recipient_key"))) for model in (Customer, User)]
_LATER = Mail.objects.filter(recipient_key=OuterRef("recipient_key"), delivered_at__gt=OuterRef("bounced_at"))
NEEDS_ATTENTION = (
    Q(status__in=Mail.UNWANTED, dismissed_at=None) & (Q(_HAS_EMAIL[0]) | Q(_HAS_EMAIL[1])) & ~Q(Exists(_LATER))
)
"""It ends by itself: once the mail is sent again, the e-mail is changed, or a later mail has arrived."""


def bounce_of(email: str) -> Mail | None:
    """Return the latest mail that came back from an e-mail or was marked as spam there, and no later one arrived."""
    came_back = Mail.objects.to(email).filter(status__in=[Mail.Status.BOUNCED, Mail.Status.COMPLAINED])
    return came_back.exclude(Exists(_LATER)).order_by("-pk").first()
