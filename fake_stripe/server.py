"""What all requests share: the store, faults, idempotency keys, webhooks and API keys."""

from dataclasses import dataclass

from starlette.requests import Request

from fake_stripe.endpoints import RequestContext
from fake_stripe.faults import Faults
from fake_stripe.idempotency import IdempotencyStore
from fake_stripe.store import Store
from fake_stripe.webhooks import WebhookSender


@dataclass
class FakeStripe:
    store: Store
    faults: Faults
    idempotency: IdempotencyStore
    webhooks: WebhookSender
    refund_delay: int
    secret_key: str
    publishable_key: str

    def context(self, request: Request | None = None, **fields: object) -> RequestContext:
        """The context of a request; of none where the fake Stripe itself acts, as a bank would."""
        if request is not None:
            fields |= {"path": request.path_params, "base_url": str(request.base_url).rstrip("/")}
        return RequestContext(self.store, self.webhooks, self.refund_delay, **fields)  # type: ignore[arg-type]
