"""Disputes: a bank takes a charge's money back (https://docs.stripe.com/api/disputes)."""

from fake_stripe.charges import create_balance_transaction
from fake_stripe.endpoints import RequestContext, endpoint, retrieve_endpoint
from fake_stripe.errors import JsonObject, invalid_request
from fake_stripe.events import emit
from fake_stripe.pagination import list_endpoint
from fake_stripe.parameters import boolean, choice, metadata, nested, text, words
from fake_stripe.reviews import close_review_of

EVIDENCE = words(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
)
RESPONSE_SECONDS = 9 * 24 * 3600
OPEN = ("needs_response", "under_review")


def open_dispute(context: RequestContext, charge: JsonObject, *, reason: str) -> JsonObject:
    dispute = context.new_object(
        "dp",
        "dispute",
        amount=charge["amount"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        evidence_details=_evidence_details(context),
        is_charge_refundable=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=_card_details(charge),
        reason=reason,
        status="needs_response",
    )
    dispute["balance_transactions"] = [_balance_transaction(context, dispute, -dispute["amount"])]
    context.store.insert(dispute)
    context.store.save(charge | {"disputed": True})
    close_review_of(context, charge, reason="disputed")
    emit(context, "charge.dispute.created", dispute)
    emit(context, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _evidence_details(context: RequestContext) -> JsonObject:
    return {
        "due_by": context.store.now() + RESPONSE_SECONDS,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
    }


def _card_details(charge: JsonObject) -> JsonObject:
    brand = charge["payment_method_details"]["card"]["brand"]
    card = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4"}
    return {"card": card, "type": "card"}


def _balance_transaction(context: RequestContext, dispute: JsonObject, amount: int) -> JsonObject:
    return create_balance_transaction(context, dispute, kind="adjustment", amount=amount)


def _check_open(dispute: JsonObject) -> None:
    if dispute["status"] not in OPEN:
        raise invalid_request(f"This dispute is already {dispute['status']}.", code="dispute_closed")


def close_dispute(context: RequestContext, dispute: JsonObject, *, status: str) -> JsonObject:
    """`won` returns the money, `lost` leaves it with the bank."""
    _check_open(dispute)
    dispute["status"] = status
    if status == "won":
        dispute["balance_transactions"].append(_balance_transaction(context, dispute, dispute["amount"]))
        charge = context.store.get("charge", dispute["charge"])
        context.store.save(charge | {"disputed": False})
        dispute["is_charge_refundable"] = True
    emit(context, "charge.dispute.closed", context.store.save(dispute))
    if status == "won":
        emit(context, "charge.dispute.funds_reinstated", dispute)
    return dispute


retrieve_endpoint("disputes", "dispute")
list_endpoint("dispute", "charge", "payment_intent")

_update = {
    "evidence": nested({name: text(150_000, clearable=True) for name in EVIDENCE}),
    "metadata": metadata,
    "submit": boolean,
    "intended_submission_method": choice("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
}


@endpoint("POST", "disputes/{id}", _update)
def update(context: RequestContext) -> JsonObject:
    dispute = context.get("dispute")
    _check_open(dispute)
    params = context.params
    context.update_metadata(dispute)
    if params.get("evidence"):
        dispute["evidence"] |= params["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
        if params.get("submit", True):
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = "under_review"
    emit(context, "charge.dispute.updated", context.store.save(dispute), previous={})
    return dispute


@endpoint("POST", "disputes/{id}/close")
def close(context: RequestContext) -> JsonObject:
    return close_dispute(context, context.get("dispute"), status="lost")
