"""Apply what billing hears from Stripe by itself: from webhooks and reconciliation."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.results import StripeResult
from billing.signals import results_received
from ecommerce.orders.apply_results import apply_results


@receiver(results_received)
def apply_received_results(*, results: list[StripeResult], at: datetime, **_kwargs: Any) -> None:
    apply_results(results=results, at=at)
