"""Compare our tax transactions with Stripe's, by their ids: Stripe lists none.

Stripe never changes one, so that each is compared until it agrees, and then no more.
"""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import database_clock
from billing import gateway, gateway_tax, stripe_state, tax_parameters
from billing.models import Difference, Payment, Reconciliation, TaxTransaction
from billing.money import format_money
from billing.reconciliation import checks, records
from billing.reconciliation.checks import Mismatch

Kind, Status = Difference.Kind, TaxTransaction.Status
IN_TIME = timedelta(hours=1)  # what is on its way for longer is missing


def check_page(run: Reconciliation) -> str:
    """Compare the next page of those that never agreed; return where the next one begins. Raise gateway.Unavailable."""
    never = TaxTransaction.objects.filter(compared_at=None, pk__gt=int(run.after or 0))
    page = list(never.select_related("invoice", "original").order_by("pk")[: records.PAGE])
    found = {row.pk: _judge(row) for row in page}
    agreed = [row.pk for row in page if row.status == Status.RECORDED and found[row.pk] is None]
    TaxTransaction.objects.filter(pk__in=agreed).update(compared_at=Now())
    run.compared += len(page)
    records.record([mismatch for mismatch in found.values() if mismatch], run_id=run.pk)
    return str(page[-1].pk) if len(page) == records.PAGE else ""


def agrees_now(stripe_id: str) -> bool:
    """Whether the tax transaction of a difference agrees by now. Raise gateway.Unavailable."""
    named = Q(stripe_id=stripe_id) | Q(uuid=stripe_state.parse_uuid(stripe_id))
    row = TaxTransaction.objects.filter(named).select_related("invoice", "original").first()
    return row is None or _judge(row) is None


def _judge(row: TaxTransaction) -> Mismatch | None:
    try:
        return _compare(row)
    except gateway.Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the run goes on, and a person looks at this one
        return checks.not_judged(_id_of(row), repr(error))


def _compare(row: TaxTransaction) -> Mismatch | None:
    if row.status != Status.RECORDED or row.stripe_id is None:
        under_way = row.next_attempt_at is not None and row.requested_at > database_clock.now() - IN_TIME
        return None if under_way else _missing(row)
    try:
        recorded = gateway_tax.retrieve_tax_transaction(row.stripe_id)
    except gateway.InvalidRequest:
        return _missing(row)
    differs = tax_parameters.difference(row, recorded)
    return _mismatch(row, Kind.TAX_DIFFERS, differs) if differs else None


def _missing(row: TaxTransaction) -> Mismatch:
    sentence = _("The tax of %(reference)s of order %(order)s (%(tax)s of %(amount)s) is not recorded at Stripe.")
    values = {
        "reference": row.reference,
        "order": row.invoice.reference,
        "tax": format_money(row.tax, row.currency),
        "amount": format_money(row.amount, row.currency),
    }
    return _mismatch(row, Kind.TAX_MISSING, f"{sentence % values} {row.attention}".rstrip())


def _mismatch(row: TaxTransaction, kind: Difference.Kind, sentence: str) -> Mismatch:
    payment = Payment.objects.filter(invoice=row.invoice_id, status=Payment.Status.SUCCEEDED).first()
    return Mismatch(
        kind=kind,
        stripe_id=_id_of(row),
        sentence=sentence,
        payment=payment,
        order_number=row.invoice.reference,
        invoice_number=row.invoice.number,
    )


def _id_of(row: TaxTransaction) -> str:
    # The reference may be a PaymentIntent's id, of which there may be another difference.
    return row.stripe_id or str(row.uuid)
