"""The filters of Activity: person, kind, object and day."""

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter

from backoffice.models import Activity
from customers.models import User
from ecommerce.admin.activity.search import object_condition
from ecommerce.admin.activity.words import type_name
from ecommerce.tracked import TRACKED

MAX_PEOPLE = 500
OTHER_TYPES = (
    "ecommerce.bulkjob",
    "ecommerce.fileimport",
    "billing.webhookevent",
    "ecommerce.webhookdelivery",
    "billing.difference",
    "customers.mail",
)


class PersonFilter(DropdownFilter):  # type: ignore[misc]
    title = _("who")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        staff = User.objects.filter(is_staff=True).order_by("username")[:MAX_PEOPLE]
        kinds = [(value, label) for value, label in Activity.ByKind.choices if value != Activity.ByKind.STAFF]
        return [*((str(user.pk), f"{user} ({user.username})") for user in staff), *kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        value = self.value()
        if value and value.isdecimal():
            return queryset.filter(by_user_id=int(value[:18]))
        return queryset.filter(by_kind=value) if value else queryset


class KindFilter(DropdownFilter):  # type: ignore[misc]
    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Activity.Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class ObjectTypeFilter(DropdownFilter):  # type: ignore[misc]
    title = _("kind of object")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        labels = [*(each.model for each in TRACKED), *OTHER_TYPES]
        return [(label, type_name(label)[:1].upper() + type_name(label)[1:]) for label in labels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


class ObjectFilter(SimpleListFilter):
    """One object: what its page links to. Shown as a filter only where it is in force."""

    title = _("object")
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = self.value() or ""
        model, _colon, number = value.partition(":")
        return [(value, f"{type_name(model)} {number}")] if object_condition(value) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        condition = object_condition(self.value() or "")
        return queryset.filter(condition) if condition else queryset


class DayFilter(RangeDateFilter):  # type: ignore[misc]
    """Whole days in the reader's time zone, the last one included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        first, last = (_day(self.used_parameters.get(f"at_{end}")) for end in ("from", "to"))
        condition = Q()
        if first:
            condition &= Q(at__gte=first)
        if last:
            condition &= Q(at__lt=last + timedelta(days=1))
        return queryset.filter(condition)


def _day(text: Any) -> datetime | None:
    try:
        day = parse_date(str(text or ""))
    except ValueError:
        return None
    # The day after is asked for too, in any time zone: the first and last days of the calendar have none.
    if day is None or not 1970 <= day.year < 3000:  # noqa: PLR2004 - years
        return None
    return timezone.make_aware(datetime.combine(day, time.min))
