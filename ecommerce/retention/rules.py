"""What of ecommerce is removed, and after how long; and mails, which documents may still wait for."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Now
from django.utils.translation import gettext_lazy as _

from backoffice import uploads
from backoffice.models import Activity
from backoffice.retention import Rule, delete, of_rows, older, slices, with_children
from billing.models import Document
from customers.mail import retention as mails
from customers.models import Mail
from ecommerce import imports
from ecommerce.bulk_jobs import control, export
from ecommerce.models import (
    BulkJob,
    BulkJobItem,
    BulkJobSlice,
    FileImport,
    Order,
    OrderAct,
    PaymentLink,
    TrackingFile,
    TrackingFileRow,
)
from ecommerce.tracking_files import files as tracking_files
from ecommerce.webhooks import retention as webhooks

# What the law wants to be told of who changed master data, and of the ends of differences in money.
KEPT_ACTIVITY = frozenset(
    {Activity.Kind.PRICE, Activity.Kind.TAX, Activity.Kind.SETTING, Activity.Kind.DIFFERENCE, Activity.Kind.RIGHT}
)
SLICES_AT_ONCE = 4  # of some 500 items each


def _mails(age: timedelta) -> QuerySet[Mail]:
    # It has promised a document that is not issued yet, and is how its customer gets it.
    follows = Cast(KT("data__follows"), BigIntegerField())
    waits = Document.objects.exclude(status=Document.Status.ISSUED).filter(pk=OuterRef("follows"))
    return mails.old(age).alias(follows=follows).exclude(Exists(waits))


def _jobs(age: timedelta) -> QuerySet[BulkJob]:
    in_flight = BulkJobItem.objects.filter(job=OuterRef("pk"), status=BulkJobItem.Status.WORKING)
    # Its files go first, by the hourly removal of exports.
    without_file = control.ended_before(age).filter(file="", selection__unfinished__0__isnull=True)
    return without_file.exclude(Exists(in_flight))


def _remove_slices(rows: QuerySet[Any]) -> int:
    keys = list(rows.values_list("pk", flat=True))
    BulkJobItem.objects.filter(slice__in=keys).delete()
    return delete(rows)


def _remove_jobs(rows: QuerySet[Any]) -> int:
    BulkJob.objects.filter(retry_of__in=rows).update(retry_of=None)
    return delete(rows)


def _job_steps(age: timedelta) -> Iterator[int]:
    return with_children(
        _jobs(age),
        lambda job_id: BulkJobSlice.objects.filter(job=job_id),
        remove_children=_remove_slices,
        remove=_remove_jobs,
        size=SLICES_AT_ONCE,
    )


def _is_at_work(token: str) -> bool:
    """Whether an import reads this upload: it may have waited for a worker for longer than uploads are kept."""
    imported = FileImport.objects.filter(token=token, status__in=imports.OPEN)
    return imported.exists() or TrackingFile.objects.filter(token=token, status=TrackingFile.Status.READING).exists()


def _imports(age: timedelta) -> QuerySet[FileImport]:
    return older(FileImport, "created_at", age).exclude(status__in=imports.OPEN)


def _tracking_steps(age: timedelta) -> Iterator[int]:
    return with_children(tracking_files.older_than(age), lambda key: TrackingFileRow.objects.filter(file=key))


def _links(age: timedelta) -> QuerySet[PaymentLink]:
    return PaymentLink.objects.filter(Q(expires_at__lte=Now() - age) | Q(revoked_at__lte=Now() - age))


def _activity(age: timedelta) -> QuerySet[Activity]:
    return older(Activity, "at", age).exclude(kind__in=KEPT_ACTIVITY)


def _remove_activity(rows: QuerySet[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT activity_remove(%s)", [list(rows.values_list("pk", flat=True))])
        (removed,) = cursor.fetchone() or (0,)
    return int(removed)


def _admin_log(age: timedelta) -> QuerySet[LogEntry]:
    return older(LogEntry, "action_time", age)


def _placed(age: timedelta) -> QuerySet[Order]:
    placed = older(Order, "created_at", age).filter(placement_key__isnull=False)
    return placed.exclude(status=Order.Status.CREATED)


def _asked(age: timedelta) -> QuerySet[OrderAct]:
    return older(OrderAct, "requested_at", age).filter(request_key__isnull=False, closed_at__lte=Now() - age)


def _forget_placement(orders: QuerySet[Any]) -> int:
    return orders.update(placement_key=None, placement_hash="")


def _forget_request(acts: QuerySet[Any]) -> int:
    return acts.update(request_key=None, request_hash="")


RULES = (
    Rule(
        kind="mails",
        what=_("mails, as they went out"),
        setting="MAIL_DAYS",
        models=("customers.mail",),
        **of_rows(_mails),
    ),
    Rule(
        kind="exports",
        what=_("files of exports and of downloaded invoices"),
        setting="EXPORT_DAYS",
        models=(),
        count=lambda age: export.with_old_file(age).count(),
        steps=export.remove_old_files,
    ),
    Rule(
        kind="uploads",
        what=_("uploads that nobody confirmed"),
        setting="UPLOAD_DAYS",
        models=(),
        count=lambda age: sum(1 for _name in uploads.old(age, in_use=_is_at_work)),
        steps=lambda age: uploads.remove_old(age, in_use=_is_at_work),
    ),
    Rule(
        kind="bulk_jobs",
        what=_("bulk jobs that are over, with the outcome of each order"),
        setting="BULK_JOB_DAYS",
        models=("ecommerce.bulkjob", "ecommerce.bulkjobslice", "ecommerce.bulkjobitem"),
        count=lambda age: _jobs(age).count(),
        steps=_job_steps,
    ),
    Rule(
        kind="imports",
        what=_("imports of files"),
        setting="IMPORT_DAYS",
        models=("ecommerce.fileimport",),
        **of_rows(_imports),
    ),
    Rule(
        kind="tracking_files",
        what=_("tracking files, with their rows"),
        setting="IMPORT_DAYS",
        models=("ecommerce.trackingfile", "ecommerce.trackingfilerow"),
        count=lambda age: tracking_files.older_than(age).count(),
        steps=_tracking_steps,
    ),
    Rule(
        kind="webhook_deliveries",
        what=_("deliveries to other systems that have ended"),
        setting="WEBHOOK_DELIVERY_DAYS",
        models=("ecommerce.webhookdelivery",),
        count=webhooks.count_old,
        steps=webhooks.remove_old,
    ),
    Rule(
        kind="payment_links",
        what=_("payment links that have ended"),
        setting="ENDED_LINK_DAYS",
        models=("ecommerce.paymentlink",),
        **of_rows(_links),
    ),
    Rule(
        kind="activity",
        what=_("Activity, but changes of prices, taxes, settings and rights, and ends of differences"),
        setting="ACTIVITY_DAYS",
        models=("backoffice.activity",),
        **of_rows(_activity, _remove_activity),
    ),
    Rule(
        kind="admin_log",
        what=_("the admin's own log of edits"),
        setting="ACTIVITY_DAYS",
        models=("admin.logentry",),
        **of_rows(_admin_log),
    ),
    Rule(
        kind="idempotency_keys",
        what=_("idempotency keys of orders and acts that are over"),
        setting="IDEMPOTENCY_KEY_DAYS",
        models=(),
        count=lambda age: _placed(age).count() + _asked(age).count(),
        steps=lambda age: chain(slices(_placed(age), _forget_placement), slices(_asked(age), _forget_request)),
    ),
)
