"""Invoices as one ZIP, each made for it, by one worker process: with no e-invoice in them, and with one, checked."""

from typing import Any

from django.conf import settings
from django.db import transaction

from benchmarks.bulk_fulfill import create_job
from benchmarks.figures import Figure
from benchmarks.isolated import OURS, measure_isolated
from billing.models import Invoice, Seller
from billing.sellers import freeze_seller
from customers.models import User
from ecommerce.bulk_jobs import run
from ecommerce.models import BulkJob, Order

LIMIT = 1_000
ADDRESS = {"name": "Bench Ltd", "line1": "Main Street 1", "postal_code": "10115", "city": "Berlin"}
# In the EU, and with a tax id, each invoice has its XML, and is checked.
SELLERS = {
    "invoice_pdf": {"country": "US", "tax_id": "", "currency": "usd"},
    "invoice_pdf_checked": {"country": "DE", "tax_id": "DE136695976", "currency": "usd"},
}


def figures(user: User, *, size: str, limit: int = LIMIT) -> list[Figure]:
    return [_figure(user, name, details, size=size, limit=limit) for name, details in SELLERS.items()]


def _figure(user: User, name: str, details: dict[str, str], *, size: str, limit: int) -> Figure:
    with transaction.atomic():
        Seller.objects.filter(pk=1).update(**ADDRESS, **details)
        freeze_seller(Seller.objects.get())
    orders = Order.objects.filter(invoice__status="paid", invoice__documents=None, currency="usd").order_by("pk")
    ids = list(orders.values_list("pk", flat=True)[:limit])
    # As if they had been issued since.
    seller = Seller.objects.get()
    Invoice.objects.filter(order__in=ids).update(seller=seller.version, is_test=settings.IS_TEST_SHOP)
    job = create_job(BulkJob.Action.INVOICES, user, ids)
    took = measure_isolated("benchmarks.invoices", OURS, job_id=job.pk)
    job.refresh_from_db()
    if job.status != BulkJob.Status.SUCCEEDED or job.file_rows != len(ids):
        why = job.items.exclude(reason="").values_list("reason", flat=True).first()
        raise AssertionError(f"{job} ended {job.status} with {job.file_rows} of {len(ids)} invoices: {why}")
    note = f"{len(ids):,} invoices into one ZIP by one process"
    return Figure(name=name, size=size, unit="documents/s", value=len(ids) / took["seconds"], note=note)


def measure(*, job_id: int) -> dict[str, Any]:
    while BulkJob.objects.filter(pk=job_id, finished_at=None).exists():
        run.run_job(job_id=job_id, seconds=20)
    job = BulkJob.objects.get(pk=job_id)
    assert job.started_at
    assert job.finished_at
    return {"seconds": (job.finished_at - job.started_at).total_seconds()}
