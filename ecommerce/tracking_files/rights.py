"""Whose permissions a file is applied under, and whether they still suffice."""

from django.utils.translation import gettext as _

from customers.actors import Actor, ActorKind
from customers.models import User
from ecommerce.models import TrackingFile

PERMISSION = "ecommerce.fulfill_order"


def stop_without(file: TrackingFile) -> bool:
    """Stop a file whose user may not fulfill orders any more."""
    user = User.objects.filter(pk=file.by_user_id or 0, is_active=True).first()
    if user is not None and user.has_perm(PERMISSION):
        return False
    message = _("%(who)s may not fulfill orders any more. Somebody who may can let it go on.")
    TrackingFile.objects.filter(pk=file.pk, status=TrackingFile.Status.APPLYING).update(
        status=TrackingFile.Status.STOPPED, message=message % {"who": file.by_label}
    )
    return True


def actor_of(file: TrackingFile) -> Actor:
    """The history of each order then says which file it was."""
    label = _("%(who)s, tracking file %(id)s") % {"who": file.by_label, "id": file.pk}
    return Actor(kind=ActorKind.STAFF, label=label, user_id=file.by_user_id)
