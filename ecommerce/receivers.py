"""Apply what billing hears from Stripe by itself: from webhooks and reconciliation."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.results import CheckBooks, Notice, NumbersSeen, StripeResult, UnknownCharge
from billing.signals import results_received
from ecommerce import books
from ecommerce.orders.adopt import adopt_matching_charge
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.doubt import move_order_numbers


@receiver(results_received)
def apply_received_results(*, results: list[StripeResult | Notice], at: datetime, **_kwargs: Any) -> None:
    applied: list[StripeResult] = []
    for result in results:
        match result:
            case UnknownCharge():
                adopt_matching_charge(charge=result, at=at)
            case NumbersSeen():
                move_order_numbers(past=result.order)
            case CheckBooks():
                books.check(run_id=result.run_id, at=at)
            case _:
                applied.append(result)
    if applied:
        apply_results(results=applied, at=at)
