"""How much of an order's price a user may take off by hand, as their roles say."""

from decimal import Decimal

from django.contrib.auth.models import Group

from backoffice.activity.record import record
from backoffice.models import Activity
from customers.models import User
from staff.models import RoleSettings


def discount_ceiling(user: User, permission: str) -> Decimal | None:
    """Return the highest ceiling, in percent, of the user's roles with this permission; None if nothing limits it."""
    if user.is_superuser:
        return None
    app, codename = permission.split(".")
    granting = user.groups.filter(permissions__codename=codename, permissions__content_type__app_label=app)
    ceilings = list(granting.values_list("settings__discount_ceiling", flat=True))
    limits = [ceiling for ceiling in ceilings if ceiling is not None]
    return max(limits, default=None) if len(limits) == len(ceilings) else None


def set_discount_ceiling(role: Group, ceiling: Decimal | None) -> None:
    """Set a role's ceiling, in percent; None for none."""
    before = RoleSettings.objects.filter(role=role).values_list("discount_ceiling", flat=True).first()
    RoleSettings.objects.update_or_create(role=role, defaults={"discount_ceiling": ceiling})
    if before != ceiling:
        changes = {"discount_ceiling": (_shown(before), _shown(ceiling))}
        record(act=Activity.Act.CHANGED, kind=Activity.Kind.RIGHT, obj=role, changes=changes)


def _shown(ceiling: Decimal | None) -> str:
    return "" if ceiling is None else f"{ceiling.normalize():f} %"
