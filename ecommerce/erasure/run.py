"""Erase a person, step by step. Each step is the same when it is done again, so that a crash costs only time."""

import logging
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import leases, shutdown
from backoffice.activity.origin import silent
from backoffice.leases import Backoff
from billing import removals
from billing.models import WebhookEvent
from customers.models import Customer
from ecommerce.erasure.everywhere import scrub_everywhere
from ecommerce.erasure.files import remove_files
from ecommerce.erasure.request import in_flight
from ecommerce.erasure.rows import empty_events, erase_activity, erase_rows
from ecommerce.erasure.words import Words
from ecommerce.models import Erasure, Order

logger = logging.getLogger(__name__)

BACKOFF = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=10), jitter=0.3)


class NotYet(Exception):
    """What it waits for, in a sentence."""


class LeaseLost(Exception):
    """Another worker has taken over, or is to, since this one ends."""


def due() -> Any:
    return Erasure.objects.filter(next_attempt_at__lte=Now()).order_by("next_attempt_at")


def execute_erasure(*, erasure_id: int) -> None:
    """Erase, unless that is done or another process holds the lease."""
    for erasure in leases.claim(Erasure.objects.filter(pk=erasure_id, finished_at=None)):
        try:
            _erase(erasure)
        except NotYet as error:
            leases.postpone(erasure, backoff=BACKOFF, error=str(error))
        except LeaseLost:
            logger.info("Erasure %s goes on in another worker.", erasure.pk)
        except Exception:
            # Not with the error's words, which may be the person's.
            logger.exception("Erasure %s failed; it is tried again.", erasure.pk)
            said = _("A step failed; it is tried again. The worker's log says why.")
            leases.postpone(erasure, backoff=BACKOFF, error=said)


def _erase(erasure: Erasure) -> None:
    customer = Customer.objects.get(pk=erasure.customer_id)
    words = Words(**erasure.words)
    _check_ready(customer, erasure)

    def beat() -> None:
        if not leases.release(erasure, next_attempt_at=Now() + leases.LEASE):
            raise LeaseLost
        if shutdown.has_begun():
            leases.release(erasure, next_attempt_at=Now())
            raise LeaseLost

    order_ids = list(Order.objects.filter(customer=customer).values_list("pk", flat=True))
    remove_files(order_ids, words)
    beat()
    with silent():  # the erasure is no act to be recorded with old values
        erase_rows(customer, words)
        beat()
        erase_activity(customer, words)
        beat()
        empty_events(erasure.stripe_customer_id, words)
        beat()
        scrub_everywhere(words, beat=beat)
    leases.release(erasure, next_attempt_at=None, finished_at=Now(), words={}, stripe_customer_id="", error="")


def _check_ready(customer: Customer, erasure: Erasure) -> None:
    if reasons := in_flight(customer):
        raise NotYet(" ".join(reasons))
    stripe_id = erasure.stripe_customer_id
    if stripe_id and not removals.is_removed(stripe_id):
        raise NotYet(_("Stripe has not deleted the customer yet; it is asked again by itself."))
    waiting = WebhookEvent.objects.filter(next_attempt_at__isnull=False)
    if stripe_id and any(stripe_id in str(each) for each in waiting.values_list("payload", flat=True).iterator()):
        raise NotYet(_("Stripe's events about this customer are still being processed."))
