from typing import Any

import pytest

from billing import gateway
from billing.models import Payment, Refund
from tests.support.webhook_events import deliver

pytestmark = pytest.mark.django_db


def test_what_is_not_ours_is_done_with() -> None:
    made: Any = {"amount": 700, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    made |= {"allowed_payment_method_types": ["card"]}
    intent = gateway.create_intent(params=made, key="somebody-else")
    gateway.create_refund(params={"payment_intent": intent.id, "amount": 700}, key="somebody-elses-refund")
    for kind in ("payment_intent.succeeded", "refund.created", "charge.refunded"):
        assert (deliver(kind).error, Payment.objects.count(), Refund.objects.count()) == ("", 0, 0)
