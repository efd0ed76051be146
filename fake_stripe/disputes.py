"""Disputes: a bank takes a charge's money back (https://docs.stripe.com/api/disputes)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.charges import book
from fake_stripe.errors import Object, refused
from fake_stripe.events import emit
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import PAGE, boolean, choice, hash_of, merged, metadata, text, words

EVIDENCE = words(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
)
ANSWER_WITHIN = 9 * 24 * 3600
OPEN = ("needs_response", "under_review")


def open_dispute(call: Call, charge: Object, *, reason: str) -> Object:
    """Take a charge's money back until somebody decides."""
    dispute = call.new(
        "dp",
        "dispute",
        amount=charge["amount"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        evidence_details=_details(call),
        is_charge_refundable=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=_card_details(charge),
        reason=reason,
        status="needs_response",
    )
    dispute["balance_transactions"] = [_booked(call, dispute, -dispute["amount"])]
    call.state.insert(dispute)
    call.state.save(charge | {"disputed": True})
    emit(call, "charge.dispute.created", dispute)
    emit(call, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _details(call: Call) -> Object:
    return {
        "due_by": call.state.now() + ANSWER_WITHIN,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
    }


def _card_details(charge: Object) -> Object:
    brand = charge["payment_method_details"]["card"]["brand"]
    card = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4"}
    return {"card": card, "type": "card"}


def _booked(call: Call, dispute: Object, amount: int) -> Object:
    return book(call, dispute, kind="adjustment", amount=amount)


def close_dispute(call: Call, dispute: Object, *, status: str) -> Object:
    """Decide a dispute: won gives the money back, lost leaves it with the bank."""
    if dispute["status"] not in OPEN:
        raise refused(f"This dispute is already {dispute['status']}.", code="dispute_closed")
    dispute["status"] = status
    if status == "won":
        dispute["balance_transactions"].append(_booked(call, dispute, dispute["amount"]))
        charge = call.state.find("charge", dispute["charge"]) or {}
        call.state.save(charge | {"disputed": False})
        dispute["is_charge_refundable"] = True
    emit(call, "charge.dispute.closed", call.state.save(dispute))
    if status == "won":
        emit(call, "charge.dispute.funds_reinstated", dispute)
    return dispute


@endpoint("GET", "disputes/{id}")
def retrieve(call: Call) -> Object:
    """Give a dispute."""
    return call.get("dispute")


@endpoint("GET", "disputes", {**PAGE, "charge": text(), "payment_intent": text()})
def index(call: Call) -> Object:
    """List disputes."""
    return page(call, "dispute", belonging(call, "charge", "payment_intent"), url="/v1/disputes")


_update = {
    "evidence": hash_of({name: text(150_000, clearable=True) for name in EVIDENCE}),
    "metadata": metadata,
    "submit": boolean,
    "intended_submission_method": choice("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
}


@endpoint("POST", "disputes/{id}", _update)
def update(call: Call) -> Object:
    """Answer a dispute with evidence."""
    dispute = call.get("dispute")
    if dispute["status"] not in OPEN:
        raise refused(f"This dispute is already {dispute['status']}.", code="dispute_closed")
    given = call.params
    dispute["metadata"] = merged(dispute["metadata"], given.get("metadata", {}))
    if given.get("evidence"):
        dispute["evidence"] |= given["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
        if given.get("submit", True):
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = "under_review"
    emit(call, "charge.dispute.updated", call.state.save(dispute), previous={})
    return dispute


@endpoint("POST", "disputes/{id}/close")
def close(call: Call) -> Object:
    """Give a dispute up: it is lost."""
    return close_dispute(call, call.get("dispute"), status="lost")
