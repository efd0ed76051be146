"""System checks of the app."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from billing.signals import results_received


@register()
def one_receiver_of_results(**_kwargs: Any) -> list[CheckMessage]:
    """Without a receiver what Stripe says is lost; with two it is applied twice."""
    count = len(results_received.receivers)
    if count == 1:
        return []
    sentence = f"billing.signals.results_received has {count} receivers; it must have exactly one."
    return [Error(sentence, hint="Connect ecommerce.receivers.apply_received_results alone.", id="ecommerce.E001")]
