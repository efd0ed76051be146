"""What comes back up from billing: "Stripe answered this"."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.results import StripeResult
from billing.signals import results_received
from ecommerce.orders.apply_results import apply_results


@receiver(results_received)
def finish_answers(*, results: list[StripeResult], at: datetime, **_kwargs: Any) -> None:
    """Finish what was answered; the transaction is opened here, never by billing."""
    apply_results(answers=results, at=at)
