"""Card testing: after a few declined cards a customer, and an IP address, must wait longer each time, then an hour.

Rows and the database's clock, so that all processes count together and a restart of Redis forgets nothing. An attempt
in flight counts as a decline towards the stop: of many sent at once, no more get through than one after the other.
"""

from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from backoffice import database_clock
from backoffice.advisory_locks import LockSpace, lock_in_transaction
from billing import declines
from billing.models import CardAttempt, Payment
from customers.models import Customer

FIRST_WAIT = timedelta(seconds=5)
IN_FLIGHT = timedelta(minutes=2)  # an attempt whose process died counts no longer


class TooManyDeclines(Exception):
    """Nothing was sent to Stripe. For so many `seconds` no card is taken."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.seconds = max(1, ceil(wait.total_seconds()))


def check(*, customer: Customer, address: str) -> None:
    """Raise TooManyDeclines. Inside a transaction others of this customer wait until it ends."""
    lock_in_transaction(LockSpace.CARD_ATTEMPTS, f"customer {customer.pk}")
    now = database_clock.now()
    wait = _wait(Q(customer=customer), now)
    # Locked only where cards were declined: else all customers behind one proxy would order one after the other.
    if address and _recent(Q(client_address=address), now).filter(declined__gt=0).exists():
        lock_in_transaction(LockSpace.CARD_ATTEMPTS, f"address {address}")
        wait = max(wait, _wait(Q(client_address=address), now, times=settings.CARD_DECLINES_ADDRESS_TIMES))
    if wait > timedelta():
        raise TooManyDeclines(wait)


def record(*, customer: Customer, address: str, payment: Payment | None = None) -> CardAttempt:
    """Count an attempt as in flight; call it in the transaction of `check`."""
    return CardAttempt.objects.create(customer=customer, client_address=address, payment=payment)


def close_payment(payment: Payment) -> None:
    """Count what became of an attempt to pay, once it is over; those of staff have none."""
    if payment.status not in {Payment.Status.SUCCEEDED, Payment.Status.FAILED}:
        return  # still in flight: the bank may decline after an authentication, too
    failed = payment.status == Payment.Status.FAILED
    counts = declines.weight(failure_code=payment.failure_code, decline_code=payment.decline_code) if failed else 0
    CardAttempt.objects.filter(payment=payment, declined=None).update(declined=counts)


def close(attempt: CardAttempt, *, weight: int) -> None:
    """Count what became of an attempt to save a card."""
    CardAttempt.objects.filter(pk=attempt.pk).update(declined=weight)


def _recent(whose: Q, now: datetime) -> QuerySet[CardAttempt]:
    return CardAttempt.objects.filter(whose, at__gt=now - timedelta(minutes=settings.CARD_DECLINES_MINUTES))


def _wait(whose: Q, now: datetime, *, times: int = 1) -> timedelta:
    free, stop = settings.CARD_DECLINES_FREE * times, settings.CARD_DECLINES_STOP * times
    window = timedelta(minutes=settings.CARD_DECLINES_MINUTES)
    found = _recent(whose, now).aggregate(
        declines=Coalesce(Sum("declined"), 0),
        latest=Max("at", filter=Q(declined__gt=0)),
        in_flight=Count("pk", filter=Q(declined=None, at__gt=now - IN_FLIGHT)),
    )
    declined: int = found["declines"]
    latest: datetime = found["latest"] or now
    if declined >= stop:
        return latest + window - now
    slow = FIRST_WAIT * 2 ** min(ceil((declined - free) / times), 10) if declined > free else timedelta()
    waiting = latest + min(slow, window) - now if slow else timedelta()
    return max(waiting, FIRST_WAIT if declined + found["in_flight"] >= stop else timedelta())
