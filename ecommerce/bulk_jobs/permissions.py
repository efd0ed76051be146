"""Whose permissions a job runs under, and whether they still suffice."""

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from customers.actors import Actor, ActorKind
from customers.models import User
from ecommerce.models import BulkJob

FULFILL_ATTENTION = "ecommerce.fulfill_attention_order"
Action = BulkJob.Action
PERMISSIONS: dict[str, str] = {action.value: f"ecommerce.{action.value}_order" for action in Action} | {
    Action.TAG.value: "ecommerce.organize_order",
    Action.ASSIGN.value: "ecommerce.organize_order",
    Action.RELEASE.value: "ecommerce.hold_order",
    Action.INVOICES.value: "ecommerce.export_order",
}


def has_permission(user: User | AnonymousUser | None, action: str) -> bool:
    """Whether the user is active and may perform this action on orders, as the database says now."""
    return user is not None and bool(user.is_active) and bool(user.has_perm(PERMISSIONS[action]))


def missing_permission(job: BulkJob) -> str:
    """The sentence that says why a job may not go on; empty if it may."""
    # Fetched anew: Django caches a user's permissions on the instance, and a job runs for hours.
    user = User.objects.filter(pk=job.rights_of_id or 0).first()
    if has_permission(user, job.action):
        return ""
    return _("%(who)s may not %(action)s orders any more, so the job was stopped. Somebody who may can resume it.") % {
        "who": user or job.by_label,
        "action": job.verb,
    }


def may_fulfill_despite_attention(job: BulkJob) -> bool:
    """Whether the user whose permissions the job has may, as the database says now."""
    user = User.objects.filter(pk=job.rights_of_id or 0).first()
    return user is not None and bool(user.has_perm(FULFILL_ATTENTION))


def actor_of(job: BulkJob) -> Actor:
    """The actor of the job's acts: the history of each order then says which job it was."""
    label = _("%(who)s, bulk job %(id)s") % {"who": job.rights_of or job.by_label, "id": job.pk}
    return Actor(kind=ActorKind.STAFF, label=label, user_id=job.rights_of_id)
