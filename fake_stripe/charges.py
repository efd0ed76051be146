"""Charges: each attempt at a payment's money (https://docs.stripe.com/api/charges)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.cards import Decline, TestCard
from fake_stripe.errors import Object
from fake_stripe.events import emit
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import PAGE, hash_of, known, merged, metadata, text, words
from fake_stripe.payment_methods import test_card
from fake_stripe.state import new_id

FEE_SHARE, FEE_FIXED = 0.029, 30
RISK_SCORES = {"normal": 20, "elevated": 70, "highest": 90}
NOTHING = words(
    "application application_fee application_fee_amount failure_balance_transaction failure_code failure_message "
    "on_behalf_of receipt_number receipt_url review source source_transfer statement_descriptor transfer_data "
    "transfer_group"
)


def charge(call: Call, intent: Object, method: Object, *, decline: Decline | None = None) -> Object:
    """Keep the attempt to take an intent's money by a card: taken, held for capture, or declined."""
    made = call.new("ch", "charge", **dict.fromkeys(NOTHING), **_of_intent(intent), **_of_method(intent, method))
    made |= _outcome(test_card(method), decline)
    captured = decline is None and intent["capture_method"] != "manual"
    made |= {"captured": captured, "amount_captured": intent["amount"] if captured else 0}
    if captured:
        made["balance_transaction"] = book(call, made, kind="charge", amount=intent["amount"])["id"]
    call.state.insert(made)
    emit(call, "charge.failed" if decline else "charge.succeeded", made)
    return made


def _of_intent(intent: Object) -> Object:
    same = ("amount", "currency", "customer", "description", "receipt_email", "shipping", "statement_descriptor_suffix")
    return {
        **{name: intent[name] for name in same},
        "amount_refunded": 0,
        "balance_transaction": None,
        "calculated_statement_descriptor": "PELCRO ORDERS",
        "disputed": False,
        "fraud_details": {},
        "metadata": dict(intent["metadata"]),
        "payment_intent": intent["id"],
        "refunded": False,
    }


def _of_method(intent: Object, method: Object) -> Object:
    card = method["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details = {
        **{name: card[name] for name in same},
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "installments": None,
        "mandate": None,
        "network": card["brand"],
        "network_token": {"used": False},
        "regulated_status": "unregulated",
        "three_d_secure": {"result": "authenticated", "version": "2.2.0"} if intent.get("_authenticated") else None,
    }
    return {
        "billing_details": method["billing_details"],
        "payment_method": method["id"],
        "payment_method_details": {"card": details, "type": "card"},
    }


def _outcome(card: TestCard, decline: Decline | None) -> Object:
    risk = {"risk_level": card.risk, "risk_score": RISK_SCORES[card.risk]}
    blank = dict.fromkeys(("advice_code", "network_advice_code", "network_decline_code"))
    if decline is None:
        seller = {"reason": None, "seller_message": "Payment complete.", "type": "authorized"}
        outcome = {**blank, **risk, **seller, "network_status": "approved_by_network"}
        return {"outcome": outcome, "paid": True, "status": "succeeded"}
    seller = {
        "reason": decline.reason,
        "seller_message": f"The bank returned the decline code `{decline.reason}`.",
        "type": "issuer_declined",
    }
    return {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": {**blank, **risk, **seller, "network_status": "declined_by_network"},
        "paid": False,
        "status": "failed",
    }


def book(call: Call, source: Object, *, kind: str, amount: int) -> Object:
    """Keep what a charge, refund or dispute does to the balance."""
    fee = round(amount * FEE_SHARE) + FEE_FIXED if kind == "charge" else 0
    transaction = call.new(
        "txn",
        "balance_transaction",
        amount=amount,
        available_on=call.state.now(),
        balance_type="payments",
        currency=source["currency"],
        description=source.get("description"),
        exchange_rate=None,
        fee=fee,
        fee_details=[_fee(fee, source["currency"])] if fee else [],
        net=amount - fee,
        reporting_category=kind,
        source=source["id"],
        status="available",
        type=kind,
    )
    del transaction["livemode"]
    return call.state.insert(transaction)


def _fee(amount: int, currency: str) -> Object:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }


def capture(call: Call, made: Object, amount: int) -> Object:
    """Take the money that a charge holds."""
    made |= {"captured": True, "amount_captured": amount}
    made["balance_transaction"] = book(call, made, kind="charge", amount=amount)["id"]
    emit(call, "charge.captured", call.state.save(made))
    return made


@endpoint("GET", "charges/{id}")
def retrieve(call: Call) -> Object:
    """Give a charge."""
    return call.get("charge")


@endpoint("GET", "charges", {**PAGE, "customer": text(), "payment_intent": text(), **known("transfer_group")})
def index(call: Call) -> Object:
    """List charges."""
    return page(call, "charge", belonging(call, "customer", "payment_intent"), url="/v1/charges")


@endpoint("GET", "charges/{id}/refunds", PAGE)
def refunds(call: Call) -> Object:
    """List a charge's refunds."""
    made = call.get("charge")
    return page(call, "refund", [("charge = ?", made["id"])], url=f"/v1/charges/{made['id']}/refunds")


_update = {
    "description": text(clearable=True),
    "metadata": metadata,
    "receipt_email": text(clearable=True),
    "fraud_details": hash_of({"user_report": text(clearable=True)}),
    **known("customer shipping transfer_group"),
}


@endpoint("POST", "charges/{id}", _update)
def update(call: Call) -> Object:
    """Change a charge's description, receipt or metadata."""
    made = call.get("charge")
    given = call.params
    made |= {name: given[name] for name in ("description", "receipt_email", "fraud_details") if name in given}
    made["metadata"] = merged(made["metadata"], given.get("metadata", {}))
    emit(call, "charge.updated", call.state.save(made), previous={})
    return made


@endpoint("GET", "balance_transactions/{id}")
def balance_transaction(call: Call) -> Object:
    """Give one movement of the balance."""
    return call.get("balance_transaction")


@endpoint("GET", "balance")
def balance(call: Call) -> Object:
    """Give what all movements of the balance add up to, per currency."""
    rows = call.state.db.execute(
        "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.net')) FROM objects"
        " WHERE kind = 'balance_transaction' GROUP BY 1 ORDER BY 1"
    )
    sums = [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in rows]
    empty = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {"object": "balance", "available": sums or empty, "livemode": False, "pending": empty}


def receipt_number() -> str:
    """Make a number as receipts have them."""
    return f"{new_id('x', 4)[2:]}-{new_id('x', 4)[2:]}".upper()
