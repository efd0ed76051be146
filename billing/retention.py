"""What of Stripe's events, of reconciliation and of card attempts is removed, and after how long."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.retention import Rule, of_rows, older
from billing.models import CardAttempt, Difference, Reconciliation, StripeRemoval, WebhookEvent


def _events(age: timedelta) -> QuerySet[WebhookEvent]:
    # One that was given up stays until somebody has had it processed again.
    return older(WebhookEvent, "received_at", age).filter(processed_at__lte=Now() - age)


def _payloads(age: timedelta) -> QuerySet[WebhookEvent]:
    return _events(age).exclude(payload={})


def _empty(events: QuerySet[Any]) -> int:
    return events.update(payload={})


def _card_attempts(age: timedelta) -> QuerySet[CardAttempt]:
    # Twice as long as they count.
    return older(CardAttempt, "at", 2 * age)


def _reconciliations(age: timedelta) -> QuerySet[Reconciliation]:
    finished = Reconciliation.objects.filter(finished_at__isnull=False)
    # The next limited pass begins where this one ended.
    last = finished.filter(newest_at__isnull=False).order_by("-pk").values_list("pk", flat=True).first()
    return finished.filter(finished_at__lte=Now() - age).exclude(pk=last or 0)


def _differences(age: timedelta) -> QuerySet[Difference]:
    # What a person has ended holds for as long as the same is found, and is a proof of what became of the money.
    return Difference.objects.filter(resolved_at__lte=Now() - age, outcome=Difference.Outcome.AGREES)


def _card_removals(age: timedelta) -> QuerySet[StripeRemoval]:
    # A customer's tells a late event of Stripe's that this person was erased.
    done = StripeRemoval.objects.filter(next_attempt_at=None, kind=StripeRemoval.Kind.CARD)
    return done.filter(requested_at__lte=Now() - age)


RULES = (
    Rule(
        kind="webhook_payloads",
        what=_("what processed events of Stripe's said"),
        setting="WEBHOOK_PAYLOAD_DAYS",
        models=(),
        **of_rows(_payloads, _empty),
    ),
    Rule(
        kind="webhook_events",
        what=_("processed events of Stripe's"),
        setting="WEBHOOK_EVENT_DAYS",
        models=("billing.webhookevent",),
        **of_rows(_events),
    ),
    Rule(
        kind="card_attempts",
        what=_("card attempts that no longer count"),
        setting="CARD_DECLINES_MINUTES",
        models=("billing.cardattempt",),
        unit=timedelta(minutes=1),
        when=_("after twice the time that they count"),
        **of_rows(_card_attempts),
    ),
    Rule(
        kind="reconciliations",
        what=_("finished reconciliations"),
        setting="RECONCILIATION_DAYS",
        models=("billing.reconciliation", "billing.comparedobject"),
        **of_rows(_reconciliations),
    ),
    Rule(
        kind="differences",
        what=_("differences that agreed again by themselves"),
        setting="RECONCILIATION_DAYS",
        models=("billing.difference",),
        **of_rows(_differences),
    ),
    Rule(
        kind="card_removals",
        what=_("cards that Stripe has removed"),
        setting="STRIPE_REMOVAL_DAYS",
        models=("billing.striperemoval",),
        **of_rows(_card_removals),
    ),
)
