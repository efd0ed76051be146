"""What comes back up from billing: "Stripe answered this"."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.answers import Answer
from billing.signals import answered
from ecommerce.orders.finishing import finish


@receiver(answered)
def finish_answers(*, answers: list[Answer], at: datetime, **_kwargs: Any) -> None:
    """Finish what was answered; the transaction is opened here, never by billing."""
    finish(answers=answers, at=at)
