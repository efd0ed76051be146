"""Refunds (https://docs.stripe.com/api/refunds)."""

from fake_stripe.cards import BY_NUMBER
from fake_stripe.charges import create_balance_transaction
from fake_stripe.currencies import check_step, format_amount
from fake_stripe.endpoints import RequestContext, endpoint, retrieve_endpoint
from fake_stripe.errors import JsonObject, invalid_parameter, invalid_request
from fake_stripe.events import emit
from fake_stripe.pagination import list_endpoint
from fake_stripe.parameters import choice, integer, merge_metadata, metadata, not_simulated, text
from fake_stripe.reviews import close_review_of
from fake_stripe.store import Store, random_text

_create = {
    "amount": integer(1),
    "charge": text(),
    "instructions_email": text(),
    "metadata": metadata,
    "payment_intent": text(),
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    **not_simulated("currency customer origin refund_application_fee reverse_transfer"),
}


@endpoint("POST", "refunds", _create)
def create(context: RequestContext) -> JsonObject:
    params = context.params
    charge = _charge(context)
    left = charge["amount_captured"] - charge["amount_refunded"]
    _check_refundable(charge, left)
    amount = params.get("amount", left)
    _check_left(charge, amount, left)
    check_step(amount, charge["currency"])
    refund = _create_refund(context, charge, amount)
    _add_refunded(context, charge, amount)
    emit(context, "refund.created", refund)
    emit(context, "charge.refunded", charge)
    return refund


def _charge(context: RequestContext) -> JsonObject:
    params = context.params
    if "charge" not in params and "payment_intent" not in params:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid_parameter(message, code="parameter_missing")
    intent = context.get("payment_intent", "payment_intent") if "payment_intent" in params else None
    if "charge" not in params and intent is not None:
        return _successful_charge(context, intent)
    charge = context.get("charge", "charge")
    if intent is not None and charge["payment_intent"] != intent["id"]:
        raise invalid_request("The charge does not belong to the PaymentIntent given.", param="charge")
    return charge


def _successful_charge(context: RequestContext, intent: JsonObject) -> JsonObject:
    charge = context.store.find("charge", intent["latest_charge"]) if intent["status"] == "succeeded" else None
    if charge is None:
        raise invalid_request(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
            code="payment_intent_unexpected_state",
        )
    return charge


def _check_refundable(charge: JsonObject, left: int) -> None:
    identifier = charge["id"]
    if not (charge["paid"] and charge["captured"]):
        raise invalid_request(f"Charge {identifier} has not been captured: there is nothing to refund.", param="charge")
    if charge["disputed"]:
        message = f"Charge {identifier} has been charged back; cannot issue a refund."
        raise invalid_request(message, code="charge_disputed")
    if left == 0:
        raise invalid_request(f"Charge {identifier} has already been refunded.", code="charge_already_refunded")


def _check_left(charge: JsonObject, amount: int, left: int) -> None:
    # Stripe sends no `code` with these two.
    requested = format_amount(amount, charge["currency"])
    if amount > charge["amount_captured"]:
        whole = format_amount(charge["amount_captured"], charge["currency"])
        raise invalid_request(f"Refund amount ({requested}) is greater than charge amount ({whole})", param="amount")
    if amount > left:
        rest = format_amount(left, charge["currency"])
        raise invalid_request(
            f"Refund amount ({requested}) is greater than unrefunded amount on charge ({rest})", param="amount"
        )


def _create_refund(context: RequestContext, charge: JsonObject, amount: int) -> JsonObject:
    params = context.params
    behaviour = _behaviour(context, charge)
    refund = context.new_object(
        "re",
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        customer_account=None,
        destination_details=_destination_details(),
        metadata=merge_metadata({}, params.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        receipt_number=f"{random_text(4)}-{random_text(4)}".upper(),
        source_transfer_reversal=None,
        status="pending" if behaviour == "pending" else "succeeded",
        transfer_reversal=None,
    )
    if behaviour == "pending":
        refund["pending_reason"] = "processing"
    transaction = create_balance_transaction(context, refund, kind="refund", amount=-amount)
    refund["balance_transaction"] = transaction["id"]
    context.store.insert({name: value for name, value in refund.items() if name != "livemode"})
    if behaviour != "succeeded":
        _schedule(context, refund, "succeeded" if behaviour == "pending" else "failed")
    return context.store.get("refund", refund["id"])


def _behaviour(context: RequestContext, charge: JsonObject) -> str:
    method = context.store.find("payment_method", charge["payment_method"])
    return BY_NUMBER[method["_number"]].refunds if method else "succeeded"


def _destination_details() -> JsonObject:
    card = {"reference": None, "reference_status": "pending", "type": "refund"}
    card["reference_type"] = "acquirer_reference_number"
    return {"card": card, "type": "card"}


def _schedule(context: RequestContext, refund: JsonObject, status: str) -> None:
    due = context.store.now() + context.refund_delay
    context.store.db.execute("INSERT INTO timers VALUES (?, ?, ?)", (refund["id"], due, status))


def _add_refunded(context: RequestContext, charge: JsonObject, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    context.store.save(charge)
    if charge["refunded"]:
        as_fraud = context.params.get("reason") == "fraudulent"
        close_review_of(context, charge, reason="refunded_as_fraud" if as_fraud else "refunded")


def scheduled_status(store: Store, refund: JsonObject) -> str:
    row = store.db.execute("SELECT status FROM timers WHERE refund = ?", (refund["id"],)).fetchone()
    return str(row[0]) if row else "succeeded"


def due_refunds(store: Store) -> list[tuple[str, str]]:
    """Ids, each with the status that the refund gets now."""
    return store.db.execute("SELECT refund, status FROM timers WHERE due <= ?", (store.now(),)).fetchall()


def settle_refund(context: RequestContext, refund: JsonObject, status: str) -> JsonObject:
    """End a refund that is pending, or that the bank returns later."""
    context.store.db.execute("DELETE FROM timers WHERE refund = ?", (refund["id"],))
    if refund["status"] == status or refund["status"] in {"failed", "canceled"}:
        return refund
    previous = {"status": refund["status"]}
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status in {"failed", "canceled"}:
        _return_money(context, refund)
    context.store.save(refund)
    if status == "failed":
        emit(context, "refund.failed", refund)
    emit(context, "refund.updated", refund, previous=previous)
    emit(context, "charge.refund.updated", refund, previous=previous)
    return refund


def _return_money(context: RequestContext, refund: JsonObject) -> None:
    charge = context.store.get("charge", refund["charge"])
    _add_refunded(context, charge, -refund["amount"])
    transaction = create_balance_transaction(context, refund, kind="refund_failure", amount=refund["amount"])
    refund["failure_balance_transaction"] = transaction["id"]
    if refund["status"] == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"


retrieve_endpoint("refunds", "refund")
list_endpoint("refund", "charge", "payment_intent")


@endpoint("POST", "refunds/{id}", {"metadata": metadata})
def update(context: RequestContext) -> JsonObject:
    refund = context.get("refund")
    context.update_metadata(refund)
    emit(context, "refund.updated", context.store.save(refund), previous={})
    return refund


@endpoint("POST", "refunds/{id}/cancel")
def cancel(context: RequestContext) -> JsonObject:
    refund = context.get("refund")
    if refund["status"] not in {"pending", "requires_action"}:
        raise invalid_request(f"Refund {refund['id']} has a status of {refund['status']}, and cannot be canceled.")
    return settle_refund(context, refund, "canceled")
