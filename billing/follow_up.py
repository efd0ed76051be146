"""When something that is not final at Stripe is looked up again: soon at first, then ever more seldom, until an end.

A wait is half of the age, within bounds, so that it needs no counter; with a jitter, so that what was begun together
does not stay together. Expressions of the database's clock: no process's own clock decides.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Case, DateTimeField, DurationField, F, Func, Q, Value, When
from django.db.models.functions import Greatest, Least, Now


class HalfAge(Func):
    """Half of the time since a column, more or less."""

    template = "((STATEMENT_TIMESTAMP() - %(expressions)s) * (0.4 + 0.2 * random()))"
    output_field = DurationField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Waits of half the time since `since`, a column of the row, from `first` to `longest`; ends after `end`."""

    since: str
    first: timedelta
    longest: timedelta
    end: timedelta

    def next_at(self) -> Any:
        """For an UPDATE: when to look again; null once the end is past."""
        return Case(When(self.ended(), then=None), default=self._next_at(), output_field=DateTimeField(null=True))

    def ended(self) -> Q:
        """Match the rows that are not looked up again."""
        return Q(**{f"{self.since}__lt": Now() - self.end})

    def first_at(self) -> Any:
        """For an INSERT, which can't read its own columns."""
        return Now() + Value(self.first)

    def _next_at(self) -> Any:
        wait = Least(Greatest(HalfAge(F(self.since)), Value(self.first)), Value(self.longest))
        return Now() + wait


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# No first wait within `leases.LEASE`: a row that is due that soon counts as held by a process.
# Most end within minutes where a bank was slow, and else within two weeks.
PENDING_REFUND = Schedule(since="requested_at", first=2 * MINUTE, longest=12 * HOUR, end=60 * DAY)
# The end comes from the payment's own `authenticate_within`, when settlement cancels the intent.
AUTHENTICATION = Schedule(since="requested_at", first=2 * MINUTE, longest=HOUR, end=60 * DAY)
# A bank decides within some three months.
OPEN_DISPUTE = Schedule(since="disputed_at", first=5 * MINUTE, longest=DAY, end=180 * DAY)
# Staff decide within days.
OPEN_REVIEW = Schedule(since="reviewed_at", first=5 * MINUTE, longest=DAY, end=180 * DAY)


def authentication_at() -> Any:
    """For an UPDATE of a payment: as scheduled, and once more when the authentication ends."""
    ends_at = F("requested_at") + F("authenticate_within")
    scheduled = AUTHENTICATION.next_at()
    return Case(When(Q(requested_at__gt=Now() - F("authenticate_within")), then=Least(scheduled, ends_at)),
                default=scheduled, output_field=DateTimeField(null=True))  # fmt: skip
