"""Settling what an order waits for, outside any transaction, and having the answer finished."""

import logging
from datetime import datetime

from billing import gateway, settlement
from billing.models import Payment, Refund
from billing.signals import results_received
from ecommerce.models import OrderAct

logger = logging.getLogger(__name__)


def settle_act(*, act: OrderAct, at: datetime) -> None:
    """Make one attempt to settle the payment or refund of an act."""
    if act.payment_id:
        settle_payment(payment_id=act.payment_id, at=at)
    elif act.refund_id:
        settle_refund(refund_id=act.refund_id, at=at)


def settle_payment(*, payment_id: int, at: datetime) -> None:
    """Make one attempt to settle a charge, and have its answer finished."""
    try:
        answer = settlement.execute_payment(payment_id=payment_id, at=at)
    except gateway.Misconfigured:
        logger.exception("Stripe refuses our key; payment %s stays open and is tried again.", payment_id)
        return
    if answer:
        results_received.send(sender=Payment, results=[answer], at=at)


def look_at_payment(*, payment: Payment, at: datetime) -> None:
    """Ask how an authentication ended, ending it if that is wanted, and have the answer finished.

    Nothing that could charge is sent, so that it needs no lease and need not wait for anybody's.
    """
    try:
        answer = settlement.fetch_payment_result(payment, at=at)
    except gateway.Unavailable as trouble:
        logger.warning("Payment %s is asked about later: %s", payment, trouble)
        return
    results_received.send(sender=Payment, results=[answer], at=at)


def settle_refund(*, refund_id: int, at: datetime) -> None:
    """Make one attempt to settle a refund, and have its answer finished."""
    try:
        answer = settlement.execute_refund(refund_id=refund_id, at=at)
    except gateway.Misconfigured:
        logger.exception("Stripe refuses our key; refund %s stays open and is tried again.", refund_id)
        return
    if answer:
        results_received.send(sender=Refund, results=[answer], at=at)
