"""Tax transactions: have Stripe Tax record each sale, what refunds take back of it, and refunds that failed, once each.

Request inside the transaction of the order's change, which holds its locks, and wake a worker (`tasks.record_tax`); the
sweep finds what got lost. Execute outside any transaction. What was sent and not heard of is sent again: under the same
key Stripe repeats its answer, and under any other it refuses a reference that it has. Nothing else finds a tax
transaction (docs/decisions/0019-tax-transactions-can-not-be-listed.md).
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import leases, logs
from billing import backoffs, gateway, gateway_tax, recovery, settlement, tax_parameters
from billing.models import Invoice, Payment, Refund, TaxTransaction
from billing.tax_types import StripeTaxTransaction

logger = logging.getLogger(__name__)
Kind, Status = TaxTransaction.Kind, TaxTransaction.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversedPart:
    """What a refund gives back of a line, named as in its calculation, or of the shipping; `goods` is without `tax`."""

    goods: int
    tax: int
    reference: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """What a refund gives back; `tax_allocations.reversals_of` reads it from its allocations."""

    refund: Refund
    lines: Sequence[ReversedPart]
    shipping: ReversedPart | None = None


class AdoptRefused(Exception):
    """Why a tax transaction at Stripe is not ours; the message is for users, and nothing has happened."""


# Request


def request_transaction(
    *, invoice: Invoice, payment: Payment | None, calculation_id: str, at: datetime
) -> TaxTransaction:
    """Have a paid invoice recorded as a sale; asked again, the same row is returned."""
    # Of all names the PaymentIntent's alone is the same after a restore, and another shop's never.
    reference = (payment.stripe_payment_intent_id if payment else None) or invoice.number
    row, _created = TaxTransaction.objects.get_or_create(
        kind=Kind.TRANSACTION,
        invoice=invoice,
        defaults={
            "reference": reference,
            "calculation_id": calculation_id,
            "amount": invoice.total,
            "tax": invoice.tax,
            "currency": invoice.currency,
            "included": invoice.prices_include_tax,
            "requested_at": at,
        },
    )
    return row


def request_reversals(*, reversals: Sequence[Reversal], at: datetime) -> list[TaxTransaction]:
    """Have what accepted refunds give back recorded: of those alone whose sale is, or is to be.

    Two statements for any number. Asked again, nothing changes; those that were new are returned.
    """
    payments = {each.refund.payment_id for each in reversals}
    sales = TaxTransaction.objects.filter(kind=Kind.TRANSACTION, invoice__payments__in=payments)
    by_payment = {row.payment_id: row for row in sales.annotate(payment_id=F("invoice__payments"))}
    known = set(
        TaxTransaction.objects.filter(
            kind=Kind.REVERSAL, refund__in=[each.refund.pk for each in reversals]
        ).values_list("refund_id", flat=True)
    )
    new = [
        each
        for each in reversals
        if each.refund.pk not in known and each.refund.payment_id in by_payment and (each.lines or each.shipping)
    ]
    rows = [_reversal(each, by_payment[each.refund.payment_id], at=at) for each in new]
    return TaxTransaction.objects.bulk_create(rows)


def request_reversal(
    *, refund: Refund, lines: Sequence[ReversedPart], shipping: ReversedPart | None = None, at: datetime
) -> TaxTransaction | None:
    """Have what one refund gives back recorded; None if its sale is not, or this is asked again."""
    rows = request_reversals(reversals=[Reversal(refund=refund, lines=lines, shipping=shipping)], at=at)
    return rows[0] if rows else None


def request_undo(*, refund: Refund, at: datetime) -> TaxTransaction | None:
    """Have the reversal of a refund that failed after it was accepted taken back; None if it has none."""
    reversal = TaxTransaction.objects.filter(kind=Kind.REVERSAL, refund=refund).first()
    if reversal is None:
        return None
    same = {name: getattr(reversal, name) for name in ("invoice_id", "amount", "tax", "currency", "included")}
    row, _created = TaxTransaction.objects.get_or_create(
        kind=Kind.UNDO,
        refund=refund,
        defaults={"original": reversal, "reference": f"{reversal.reference}-failed", "requested_at": at, **same},
    )
    return row


def _reversal(reversal: Reversal, sale: TaxTransaction, *, at: datetime) -> TaxTransaction:
    refund, shipping = reversal.refund, reversal.shipping
    parts = [*reversal.lines, *([shipping] if shipping else [])]
    return TaxTransaction(
        kind=Kind.REVERSAL,
        invoice_id=sale.invoice_id,
        refund=refund,
        original=sale,
        reference=refund.stripe_refund_id or f"refund-{refund.uuid}",
        amount=sum(part.goods + part.tax for part in parts),
        tax=sum(part.tax for part in parts),
        currency=sale.currency,
        included=sale.included,
        parts={
            "lines": [asdict(part) for part in reversal.lines],
            "shipping": asdict(shipping) if shipping else None,
        },
        requested_at=at,
    )


# Execute


def sendable() -> QuerySet[TaxTransaction]:
    """Those that may be sent: what takes something back needs Stripe's id of it."""
    return TaxTransaction.objects.filter(Q(original=None) | Q(original__status=Status.RECORDED), closed_at=None)


def execute(*, tax_transaction_id: int) -> None:
    """Send one, unless that is done, or another process holds the lease. Raise gateway.Misconfigured.

    Outside any transaction.
    """
    for row in settlement.claim_operations(sendable().filter(pk=tax_transaction_id)):
        with logs.bound(**row.log_ids):
            _execute(row)


def _execute(row: TaxTransaction) -> None:
    try:
        recorded = _post(row)
    except gateway.Misconfigured as error:
        settlement.postpone_operation(row, error)
        raise
    except (OperationalError, InterfaceError):
        raise  # the database is gone: the next attempt comes after the lease
    except gateway.InvalidRequest as error:
        _refused(row, error)
    except Exception as error:  # noqa: BLE001 - whatever Stripe answered must not loop by itself
        _postponed(row, error)
    else:
        recovery.note_success(row)
        _record(row, recorded)


def _post(row: TaxTransaction) -> StripeTaxTransaction:
    if not row.params:
        # Saved before they are first sent: the same key must never go out with other parameters.
        row.params = tax_parameters.of(row)
        row.save(update_fields=["params"])
    create = gateway_tax.create_tax_transaction if row.kind == Kind.TRANSACTION else gateway_tax.create_tax_reversal
    return create(params=row.params, key=row.idempotency_key)


# What Stripe said


def _record(row: TaxTransaction, recorded: StripeTaxTransaction) -> bool:
    rows = TaxTransaction.objects.filter(pk=row.pk).exclude(status=Status.RECORDED)
    return bool(
        rows.update(
            status=Status.RECORDED,
            stripe_id=recorded.id,
            lines={line.reference: line.id for line in recorded.lines},
            attention=tax_parameters.difference(row, recorded),
            failure_code="",
            failure_message="",
            unexpected=0,
            next_attempt_at=None,
            closed_at=Now(),
        )
    )


def _refused(row: TaxTransaction, error: gateway.InvalidRequest) -> None:
    if error.param == "posted_at" and "posted_at" in row.params:
        # Better counted to a later month than not at all.
        params = {name: value for name, value in row.params.items() if name != "posted_at"}
        leases.release(row, next_attempt_at=Now(), params=params, generation=F("generation") + 1)
        return
    logger.error("Stripe refuses to record the tax of %s: %s", row.reference, error.message)
    why: dict[str, Any] = {"failure_code": error.code, "failure_message": error.message, "next_attempt_at": None}
    if row.attempts > 1 or error.param == "reference":
        # An earlier attempt may have done it, or another database with the same orders: a person looks.
        sentence = _(
            "Stripe refuses to record the tax of %(reference)s (%(why)s), and may have recorded it before: look for "
            "that reference under Tax, Transactions in Stripe's dashboard, and have its id adopted, or have it sent "
            "again (manage.py tax_transactions)."
        )
        sentence %= {"reference": row.reference, "why": error.message.rstrip(".")}
        leases.release(row, attention=sentence, **why)
    else:
        sentence = _("Stripe refuses to record the tax of %(reference)s: %(why)s")
        sentence %= {"reference": row.reference, "why": error.message}
        leases.release(row, attention=sentence, status=Status.FAILED, closed_at=Now(), **why)


def _postponed(row: TaxTransaction, error: Exception) -> None:
    if isinstance(error, gateway.Unavailable) and not isinstance(error, gateway.Unexpected):
        settlement.postpone_operation(row, error)
        return
    logger.error("Stripe's answer to the tax transaction %s is not understood.", row.reference, exc_info=error)
    unexpected = row.unexpected + 1
    stored = isinstance(error, gateway.Unavailable) and error.stored
    if unexpected < settlement.MAX_UNEXPECTED:
        leases.postpone(row, backoff=backoffs.OPERATION, answered_5xx=stored, unexpected=unexpected)
        return
    sentence = _(
        "Stripe's answer was not understood %(times)s times (%(why)r). Look it up there, then have it "
        "sent again (manage.py tax_transactions)."
    )
    sentence %= {"times": unexpected, "why": error}
    leases.release(row, next_attempt_at=None, attention=sentence, answered_5xx=stored, unexpected=unexpected)


# What people decide


def waiting_for_a_person() -> QuerySet[TaxTransaction]:
    """Those that are not recorded, and not tried by themselves any more; each says why by its `attention`."""
    stuck = TaxTransaction.objects.filter(next_attempt_at=None).exclude(status=Status.RECORDED)
    return stuck.select_related("invoice").order_by("pk")


def send_again(*, tax_transaction_id: int) -> bool:
    """Have one that is not recorded sent again, by a word of a person; tell whether it is.

    Its reference keeps Stripe from recording it twice. Under another key, since Stripe repeats a refusal under its own.
    """
    waiting = TaxTransaction.objects.filter(pk=tax_transaction_id, next_attempt_at=None).exclude(status=Status.RECORDED)
    return bool(
        waiting.update(
            status=Status.REQUESTED,
            generation=F("generation") + 1,
            params={},
            attention="",
            failure_code="",
            failure_message="",
            unexpected=0,
            answered_5xx=False,
            next_attempt_at=Now(),
            closed_at=None,
        )
    )


def adopt(*, tax_transaction_id: int, stripe_id: str) -> None:
    """Take a tax transaction that is at Stripe as the one of this row. Raise AdoptRefused, gateway.Unavailable.

    Outside any transaction.
    """
    row = TaxTransaction.objects.select_related("original").get(pk=tax_transaction_id)
    try:
        found = gateway_tax.retrieve_tax_transaction(stripe_id)
    except gateway.InvalidRequest as error:
        raise AdoptRefused(_("Stripe has no tax transaction %(id)s.") % {"id": stripe_id}) from error
    if found.reference != row.reference:
        sentence = _("%(id)s is the tax transaction of %(reference)s, not of %(ours)s.")
        raise AdoptRefused(sentence % {"id": stripe_id, "reference": found.reference, "ours": row.reference})
    if not _record(row, found):
        raise AdoptRefused(_("This tax transaction is recorded already."))
