"""Charges, one for each attempt to pay, and the balance (https://docs.stripe.com/api/charges)."""

from fake_stripe.cards import Decline, TestCard
from fake_stripe.endpoints import RequestContext, endpoint, retrieve_endpoint
from fake_stripe.errors import JsonObject
from fake_stripe.events import emit
from fake_stripe.pagination import list_endpoint, list_page
from fake_stripe.parameters import PAGE, metadata, nested, not_simulated, text, words
from fake_stripe.payment_methods import test_card

FEE_SHARE, FEE_FIXED = 0.029, 30
RISK_SCORES = {"normal": 20, "elevated": 70, "highest": 90}
NULL_FIELDS = words(
    "application application_fee application_fee_amount failure_balance_transaction failure_code failure_message "
    "on_behalf_of receipt_number receipt_url review source source_transfer statement_descriptor transfer_data "
    "transfer_group"
)


def create_charge(
    context: RequestContext, intent: JsonObject, method: JsonObject, *, decline: Decline | None = None
) -> JsonObject:
    charge = context.new_object(
        "ch", "charge", **dict.fromkeys(NULL_FIELDS), **_intent_fields(intent), **_method_fields(intent, method)
    )
    charge |= _outcome_fields(test_card(method), decline)
    captured = decline is None and intent["capture_method"] != "manual"
    charge |= {"captured": captured, "amount_captured": intent["amount"] if captured else 0}
    if captured:
        transaction = create_balance_transaction(context, charge, kind="charge", amount=intent["amount"])
        charge["balance_transaction"] = transaction["id"]
    context.store.insert(charge)
    emit(context, "charge.failed" if decline else "charge.succeeded", charge)
    return charge


def _intent_fields(intent: JsonObject) -> JsonObject:
    copied = words("amount currency customer description receipt_email shipping statement_descriptor_suffix")
    return {
        **{name: intent[name] for name in copied},
        "amount_refunded": 0,
        "balance_transaction": None,
        "calculated_statement_descriptor": "PELCRO ORDERS",
        "disputed": False,
        "fraud_details": {},
        "metadata": dict(intent["metadata"]),
        "payment_intent": intent["id"],
        "refunded": False,
    }


def _method_fields(intent: JsonObject, method: JsonObject) -> JsonObject:
    card = method["card"]
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details = {
        **{name: card[name] for name in copied},
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


def _outcome_fields(card: TestCard, decline: Decline | None) -> JsonObject:
    risk = {"risk_level": card.risk, "risk_score": RISK_SCORES[card.risk]}
    blank = dict.fromkeys(("advice_code", "network_advice_code", "network_decline_code"))
    if decline is None:
        seller = {"reason": None, "seller_message": "Payment complete.", "type": "authorized"}
        outcome = {**blank, **risk, **seller, "network_status": "approved_by_network"}
        return {"outcome": outcome, "paid": True, "status": "succeeded"}
    seller = {
        "reason": decline.decline_code,
        "seller_message": f"The bank returned the decline code `{decline.decline_code}`.",
        "type": "issuer_declined",
    }
    return {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": {**blank, **risk, **seller, "network_status": "declined_by_network"},
        "paid": False,
        "status": "failed",
    }


def create_balance_transaction(context: RequestContext, source: JsonObject, *, kind: str, amount: int) -> JsonObject:
    """`amount` is negative where money leaves the balance."""
    fee = round(amount * FEE_SHARE) + FEE_FIXED if kind == "charge" else 0
    transaction = context.new_object(
        "txn",
        "balance_transaction",
        amount=amount,
        available_on=context.store.now(),
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
    return context.store.insert(transaction)


def _fee(amount: int, currency: str) -> JsonObject:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }


def capture_charge(context: RequestContext, charge: JsonObject, amount: int) -> JsonObject:
    charge |= {"captured": True, "amount_captured": amount}
    transaction = create_balance_transaction(context, charge, kind="charge", amount=amount)
    charge["balance_transaction"] = transaction["id"]
    emit(context, "charge.captured", context.store.save(charge))
    return charge


retrieve_endpoint("charges", "charge")
retrieve_endpoint("balance_transactions", "balance_transaction")
list_endpoint("charge", "customer", "payment_intent", unsupported="transfer_group")


@endpoint("GET", "charges/{id}/refunds", PAGE)
def refunds(context: RequestContext) -> JsonObject:
    charge = context.get("charge")
    return list_page(context, "refund", [("charge = ?", charge["id"])], url=f"/v1/charges/{charge['id']}/refunds")


_update = {
    "description": text(clearable=True),
    "metadata": metadata,
    "receipt_email": text(clearable=True),
    "fraud_details": nested({"user_report": text(clearable=True)}),
    **not_simulated("customer shipping transfer_group"),
}


@endpoint("POST", "charges/{id}", _update)
def update(context: RequestContext) -> JsonObject:
    charge = context.get("charge")
    charge |= context.sent("description", "receipt_email", "fraud_details")
    context.update_metadata(charge)
    emit(context, "charge.updated", context.store.save(charge), previous={})
    return charge


@endpoint("GET", "balance")
def balance(context: RequestContext) -> JsonObject:
    rows = context.store.db.execute(
        "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.net')) FROM objects"
        " WHERE kind = 'balance_transaction' GROUP BY 1 ORDER BY 1"
    )
    sums = [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in rows]
    empty = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {"object": "balance", "available": sums or empty, "livemode": False, "pending": empty}
