"""Apply what billing hears from Stripe by itself: from webhooks and reconciliation."""

import logging
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.reconciliation import checks, records
from billing.results import CheckBooks, Notice, NumbersSeen, StripeResult, UnknownCharge
from billing.signals import results_received
from ecommerce import books
from ecommerce.orders.adopt import adopt_matching_charge
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.doubt import move_order_numbers
from ecommerce.orders.errors import OrderError

logger = logging.getLogger(__name__)


@receiver(results_received)
def apply_received_results(*, results: list[StripeResult | Notice], at: datetime, **_kwargs: Any) -> None:
    applied: list[StripeResult] = []
    for result in results:
        match result:
            case UnknownCharge():
                _adopt_or_list(result, at=at)
            case NumbersSeen():
                move_order_numbers(past=result.order)
            case CheckBooks():
                books.check(run_id=result.run_id, at=at)
            case _:
                applied.append(result)
    if applied:
        apply_results(results=applied, at=at)


def _adopt_or_list(charge: UnknownCharge, *, at: datetime) -> None:
    try:
        adopt_matching_charge(charge=charge, at=at)
    except OrderError as refusal:
        # Listed at once, since that keeps the order which it names from being charged again.
        logger.warning("Charge %s is not adopted by itself: %s", charge.intent.id, refusal.message)
        found = checks.compare_charge(charge.intent, None)
        records.record([found] if found else [], run_id=0)
