"""Hold an order while Stripe Radar reviews its payment, and release it once that has ended."""

from datetime import datetime

from billing import reviews
from billing.models import Payment
from billing.results import ReviewResult
from customers.actors import STRIPE
from ecommerce.models import Order
from ecommerce.orders.hold import end_hold, hold_for_review


def apply_review(order: Order, result: ReviewResult, *, at: datetime) -> None:
    """Apply the state of a review to a locked order, once. What staff put on hold stays so."""
    payment, changed = reviews.apply_review_result(result=result, at=at)
    if not changed:
        return
    if payment.review == Payment.Review.OPEN:
        hold_for_review([order], at=at)
    elif order.held_for_review:
        end_hold([order], by=STRIPE, at=at, data={"review": payment.review_reason})
