"""Reviews of Stripe Radar: a person looks at a payment (https://docs.stripe.com/api/radar/reviews)."""

from fake_stripe.endpoints import RequestContext, endpoint, retrieve_endpoint
from fake_stripe.errors import JsonObject, invalid_request
from fake_stripe.events import emit
from fake_stripe.pagination import list_endpoint

CLOSED_REASONS = ("approved", "refunded", "refunded_as_fraud", "disputed", "redacted")


def open_review(context: RequestContext, charge: JsonObject, *, reason: str) -> JsonObject:
    """`reason` is rule or manual."""
    review = context.new_object(
        "prv",
        "review",
        billing_zip=(charge["billing_details"]["address"] or {}).get("postal_code"),
        charge=charge["id"],
        closed_reason=None,
        ip_address=None,
        ip_address_location=None,
        open=True,
        opened_reason=reason,
        payment_intent=charge["payment_intent"],
        reason=reason,
        session=None,
    )
    context.store.insert(review)
    charge["review"] = review["id"]
    context.store.save(charge)
    intent = context.store.get("payment_intent", charge["payment_intent"])
    context.store.save(intent | {"review": review["id"]})
    emit(context, "review.opened", review)
    return review


def close_review(context: RequestContext, review: JsonObject, *, reason: str) -> JsonObject:
    if not review["open"]:
        raise invalid_request("This review has already been closed.")
    review |= {"open": False, "closed_reason": reason, "reason": reason}
    emit(context, "review.closed", context.store.save(review))
    return review


def close_review_of(context: RequestContext, charge: JsonObject, *, reason: str) -> None:
    """End the review of a charge that was refunded or disputed, if one is open."""
    review = context.store.find("review", charge["review"]) if charge["review"] else None
    if review and review["open"]:
        close_review(context, review, reason=reason)


retrieve_endpoint("reviews", "review")
list_endpoint("review")


@endpoint("POST", "reviews/{id}/approve")
def approve(context: RequestContext) -> JsonObject:
    return close_review(context, context.get("review"), reason="approved")
