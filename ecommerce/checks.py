"""System checks of what no type and no constraint can see."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from billing.signals import results_received


@register()
def one_receiver_of_answers(**_kwargs: Any) -> list[CheckMessage]:
    """Insist that what Stripe answers is finished once: by none it is lost, by two it is done twice."""
    count = len(results_received.receivers)
    if count == 1:
        return []
    sentence = f"billing.signals.results_received has {count} receivers; it must have exactly one."
    return [Error(sentence, hint="Connect ecommerce.receivers.finish_answers alone.", id="ecommerce.E001")]
