"""The two books, our rows and the fake Stripe's ledger, compared by the rules of how money stays right."""

from collections import defaultdict
from typing import Any

from django.db.models import F, Q, Sum

from billing.models import CreditNote, Invoice, Payment, Refund
from ecommerce.models import BulkJobItem, Coupon, Order, OrderAct, Sku

DONE = ("pending", "succeeded")


def differences(ledger: dict[str, Any]) -> list[str]:
    """Give a sentence for each breach of rules 1 to 7; an empty list is what every test wants."""
    return [*_rule_1(), *_rule_2_and_3(), *_rule_4(ledger), *_rule_5(), *_rule_7()]


def _rule_1() -> list[str]:
    wrong = []
    for payment in Payment.objects.all():
        sent = payment.refund_set.exclude(status="failed").aggregate(sum=Sum("amount"))["sum"] or 0
        if not 0 <= sent == payment.refunds <= payment.amount:
            wrong.append(f"payment {payment}: refunds of {sent}, kept as {payment.refunds}, of {payment.amount}")
    return wrong


def _rule_2_and_3() -> list[str]:
    return [line for order in Order.objects.select_related("invoice") for line in _order(order)]


def _order(order: Order) -> list[str]:
    payments = Payment.objects.filter(invoice=order.invoice_id, status="succeeded")
    paid = sum(payment.amount for payment in payments)
    back = Refund.objects.filter(payment__in=payments, status__in=DONE).aggregate(sum=Sum("amount"))["sum"] or 0
    was_paid = order.paid_at is not None
    checks = {
        f"paid {paid} of {order.total}": paid == (order.total if was_paid else 0),
        f"{len(payments)} payments": len(payments) == (1 if was_paid and order.total else 0),
        f"invoice {order.invoice and order.invoice.status}": _invoice_fits(order.invoice, order),
        f"refunded {back}, says {order.amount_refunded}": back == order.amount_refunded,
        f"refunded {back} of {paid}": order.money_state == "refund_failed"
        or order.status not in {"canceled", "returned"}
        or back == paid,
        "wholly refunded": order.status != "fulfilled" or not order.total or back < order.total,
        "credit notes": back
        == (CreditNote.objects.filter(invoice=order.invoice, voided_at=None).aggregate(s=Sum("amount"))["s"] or 0),
    }
    return [f"order {order.number} ({order.status}): {what}" for what, holds in checks.items() if not holds]


def _invoice_fits(invoice: Invoice | None, order: Order) -> bool:
    if order.paid_at is not None:
        return invoice is not None and invoice.status == "paid" and invoice.total == order.total
    return invoice is None or invoice.status == ("void" if order.status == "canceled" else "open")


def _rule_4(ledger: dict[str, Any]) -> list[str]:
    wrong = []
    theirs = {each["id"]: each for each in ledger["payment_intents"] if each["status"] == "succeeded"}
    ours = {payment.stripe_payment_intent_id: payment for payment in Payment.objects.all()}
    for intent_id, intent in theirs.items():
        payment = ours.get(intent_id)
        if payment is None or (payment.status != "succeeded" and payment.refundable):
            wrong.append(f"{intent_id}: {intent['amount']} taken, and no payment says so")
        elif payment.amount != intent["amount"]:
            wrong.append(f"{intent_id}: {intent['amount']} taken, {payment.amount} here")
    wrong += [
        f"payment {payment} says succeeded, Stripe does not"
        for payment in ours.values()
        if payment.status == "succeeded" and payment.stripe_payment_intent_id not in theirs
    ]
    return wrong + _refunds(ledger)


def _refunds(ledger: dict[str, Any]) -> list[str]:
    theirs = {each["id"]: each for each in ledger["refunds"]}
    ours = {refund.stripe_refund_id: refund for refund in Refund.objects.filter(settled_outside=False)}
    wrong = [
        f"{each['id']}: {each['amount']} sent back, and no refund says so"
        for each in theirs.values()
        if each["status"] in DONE and (each["id"] not in ours or ours[each["id"]].status not in DONE)
    ]
    wrong += [
        f"refund {refund} says {refund.status}, Stripe does not"
        for refund in ours.values()
        if refund.status in DONE
        and (refund.stripe_refund_id not in theirs or theirs[refund.stripe_refund_id]["status"] not in DONE)
    ]
    by_intent: dict[str, int] = defaultdict(int)
    for each in theirs.values():
        by_intent[each["payment_intent"]] += each["amount"] if each["status"] in DONE else 0
    taken = {each["id"]: each["amount"] for each in ledger["payment_intents"]}
    return wrong + [
        f"{intent}: {sent} sent back of {taken[intent]}" for intent, sent in by_intent.items() if sent > taken[intent]
    ]


def _rule_5() -> list[str]:
    wrong = []
    ended = BulkJobItem.objects.filter(job__status__in=["succeeded", "partial", "failed"])
    wrong += [f"job item {item} has no outcome" for item in ended.filter(status__in=["pending", "working"])]
    for item in ended.filter(status="done").select_related("order", "job"):
        wanted = {"cancel": "canceled", "return": "returned"}.get(item.job.action)
        if wanted and item.order.status != wanted:
            wrong.append(f"job item {item} is done, order {item.order.number} is {item.order.status}")
    return wrong


def _rule_7() -> list[str]:
    wrong = [f"SKU {sku.code} is below zero" for sku in Sku.objects.filter(inventory_quantity__lt=0)]
    for coupon in Coupon.objects.all():
        held = Order.objects.filter(coupon=coupon, held_at__isnull=False).count()
        if held != coupon.times_redeemed:
            wrong.append(f"coupon {coupon.code}: {held} orders hold it, {coupon.times_redeemed} redemptions")
    over = Coupon.objects.filter(~Q(max_redemptions=None), times_redeemed__gt=F("max_redemptions"))
    return wrong + [f"coupon {coupon.code} was redeemed too often" for coupon in over]


def open_acts() -> int:
    """Count what is still in flight."""
    return OrderAct.objects.filter(closed_at=None).count()
