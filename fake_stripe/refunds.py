"""Refunds: never more than what is left of the charge (https://docs.stripe.com/api/refunds)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.cards import BY_NUMBER
from fake_stripe.charges import book, receipt_number
from fake_stripe.currencies import check_step, shown
from fake_stripe.errors import Object, malformed, refused
from fake_stripe.events import emit
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import PAGE, choice, integer, known, merged, metadata, text

_create = {
    "amount": integer(1),
    "charge": text(),
    "instructions_email": text(),
    "metadata": metadata,
    "payment_intent": text(),
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    **known("currency customer origin refund_application_fee reverse_transfer"),
}


@endpoint("POST", "refunds", _create)
def create(call: Call) -> Object:
    """Give money back."""
    given = call.params
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    _check_refundable(charge, left)
    amount = given.get("amount", left)
    _check_left(charge, amount, left)
    check_step(amount, charge["currency"])
    refund = _made(call, charge, amount)
    _take_back(call, charge, amount)
    emit(call, "refund.created", refund)
    emit(call, "charge.refunded", charge)
    return refund


def _charge(call: Call) -> Object:
    given = call.params
    if "charge" not in given and "payment_intent" not in given:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise malformed(message, code="parameter_missing")
    intent = call.get("payment_intent", "payment_intent") if "payment_intent" in given else None
    if "charge" not in given and intent is not None:
        return _paid(call, intent)
    charge = call.get("charge", "charge")
    if intent is not None and charge["payment_intent"] != intent["id"]:
        raise refused("The charge does not belong to the PaymentIntent given.", param="charge")
    return charge


def _paid(call: Call, intent: Object) -> Object:
    charge = call.state.find("charge", intent["latest_charge"]) if intent["status"] == "succeeded" else None
    if charge is None:
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
            code="payment_intent_unexpected_state",
        )
    return charge


def _check_refundable(charge: Object, left: int) -> None:
    identifier = charge["id"]
    if not (charge["paid"] and charge["captured"]):
        raise refused(f"Charge {identifier} has not been captured: there is nothing to refund.", param="charge")
    if charge["disputed"]:
        message = f"Charge {identifier} has been charged back; cannot issue a refund."
        raise refused(message, code="charge_disputed")
    if left == 0:
        raise refused(f"Charge {identifier} has already been refunded.", code="charge_already_refunded")


def _check_left(charge: Object, amount: int, left: int) -> None:
    # Stripe sends no `code` with these two.
    asked = shown(amount, charge["currency"])
    if amount > charge["amount_captured"]:
        whole = shown(charge["amount_captured"], charge["currency"])
        raise refused(f"Refund amount ({asked}) is greater than charge amount ({whole})", param="amount")
    if amount > left:
        rest = shown(left, charge["currency"])
        raise refused(f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", param="amount")


def _made(call: Call, charge: Object, amount: int) -> Object:
    given = call.params
    path = _path(call, charge)
    refund = call.new(
        "re",
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        customer_account=None,
        destination_details=_destination(),
        metadata=merged({}, given.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=given.get("reason"),
        receipt_number=receipt_number(),
        source_transfer_reversal=None,
        status="pending" if path == "pending" else "succeeded",
        transfer_reversal=None,
    )
    if path == "pending":
        refund["pending_reason"] = "processing"
    refund["balance_transaction"] = book(call, refund, kind="refund", amount=-amount)["id"]
    call.state.insert({name: value for name, value in refund.items() if name != "livemode"})
    if path != "succeeded":
        _set_timer(call, refund, "succeeded" if path == "pending" else "failed")
    return call.state.find("refund", refund["id"]) or {}


def _path(call: Call, charge: Object) -> str:
    method = call.state.find("payment_method", charge["payment_method"])
    return BY_NUMBER[method["_number"]].refunds if method else "succeeded"


def _destination() -> Object:
    card = {"reference": None, "reference_status": "pending", "type": "refund"}
    card["reference_type"] = "acquirer_reference_number"
    return {"card": card, "type": "card"}


def _set_timer(call: Call, refund: Object, status: str) -> None:
    due = call.state.now() + call.outbox.refund_delay
    call.state.db.execute("INSERT INTO timers VALUES (?, ?, ?)", (refund["id"], due, status))


def _take_back(call: Call, charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    call.state.save(charge)


def settle(call: Call, refund: Object, status: str) -> Object:
    """End a refund that was pending, or that the bank sends back."""
    call.state.db.execute("DELETE FROM timers WHERE refund = ?", (refund["id"],))
    if refund["status"] == status or refund["status"] in {"failed", "canceled"}:
        return refund
    previous = {"status": refund["status"]}
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status in {"failed", "canceled"}:
        _give_up(call, refund)
    call.state.save(refund)
    if status == "failed":
        emit(call, "refund.failed", refund)
    emit(call, "refund.updated", refund, previous=previous)
    emit(call, "charge.refund.updated", refund, previous=previous)
    return refund


def _give_up(call: Call, refund: Object) -> None:
    charge = call.state.find("charge", refund["charge"]) or {}
    _take_back(call, charge, -refund["amount"])
    refund["failure_balance_transaction"] = book(call, refund, kind="refund_failure", amount=refund["amount"])["id"]
    if refund["status"] == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"


@endpoint("GET", "refunds", {**PAGE, "charge": text(), "payment_intent": text()})
def index(call: Call) -> Object:
    """List refunds, newest first."""
    return page(call, "refund", belonging(call, "charge", "payment_intent"), url="/v1/refunds")


@endpoint("GET", "refunds/{id}")
def retrieve(call: Call) -> Object:
    """Give a refund."""
    return call.get("refund")


@endpoint("POST", "refunds/{id}", {"metadata": metadata})
def update(call: Call) -> Object:
    """Change a refund's metadata."""
    refund = call.get("refund")
    refund["metadata"] = merged(refund["metadata"], call.params.get("metadata", {}))
    emit(call, "refund.updated", call.state.save(refund), previous={})
    return refund


@endpoint("POST", "refunds/{id}/cancel")
def cancel(call: Call) -> Object:
    """Take back a refund that is not settled yet."""
    refund = call.get("refund")
    if refund["status"] not in {"pending", "requires_action"}:
        raise refused(f"Refund {refund['id']} has a status of {refund['status']}, and cannot be canceled.")
    return settle(call, refund, "canceled")
