"""What waits for a worker, a line for each kind: how many rows are due, and since when the first of them is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.list_tabs import BOUND
from billing import tax_transactions
from billing.documents import make
from billing.models import CustomerUpdate, Payment, Reconciliation, Refund, StripeRemoval, WebhookEvent
from customers.models import Mail
from ecommerce import imports
from ecommerce.bulk_jobs import leases
from ecommerce.erasure import run as erasures
from ecommerce.tracking_files import files as tracking_files

DUE = Q(next_attempt_at__lte=Now())
AGE = "EXTRACT(EPOCH FROM statement_timestamp() - MIN(due.due))::float8"


@dataclass(frozen=True, slots=True)
class Queue:
    """`rows` are those that are due; `due_at` is the column by which an index finds the first of them."""

    kind: str
    title: str | Promise
    rows: Callable[[], QuerySet[Any]]
    due_at: Any = "next_attempt_at"


@dataclass(frozen=True, slots=True)
class Waiting:
    """`count` ends at BOUND + 1; `seconds` is None where nothing is due."""

    queue: Queue
    count: int
    seconds: float | None


QUEUES = (
    Queue("payment", _("Payments"), lambda: Payment.objects.filter(DUE, closed_at=None)),
    Queue("refund", _("Refunds"), lambda: Refund.objects.filter(DUE, closed_at=None)),
    Queue("tax_transaction", _("Records of Stripe Tax"), lambda: tax_transactions.sendable().filter(DUE)),
    Queue("customer_update", _("E-mails of customers at Stripe"), lambda: CustomerUpdate.objects.filter(DUE)),
    Queue("removal", _("Removals at Stripe"), lambda: StripeRemoval.objects.filter(DUE)),
    Queue(
        "dispute",
        _("Disputes to look up"),
        lambda: Payment.objects.filter(dispute=Payment.Dispute.OPEN, dispute_check_at__lte=Now()),
        "dispute_check_at",
    ),
    Queue(
        "review",
        _("Reviews to look up"),
        lambda: Payment.objects.filter(review=Payment.Review.OPEN, review_check_at__lte=Now()),
        "review_check_at",
    ),
    Queue("event", _("Events of Stripe"), lambda: WebhookEvent.objects.filter(DUE)),
    Queue("mail", _("Mails"), Mail.objects.due),
    Queue("document", _("Documents"), make.waiting),
    Queue("job", _("Bulk jobs without a worker"), leases.jobs_without_worker, Coalesce("beat_at", F("created_at"))),
    Queue("import", _("Imports without a worker"), imports.waiting, Coalesce("beat_at", F("created_at"))),
    Queue(
        "tracking_file",
        _("Tracking files without a worker"),
        tracking_files.waiting,
        Coalesce("beat_at", F("created_at")),
    ),
    Queue("erasure", _("Erasures"), erasures.due),
    Queue("reconciliation", _("Reconciliations"), lambda: Reconciliation.objects.filter(DUE, finished_at=None)),
)


def waiting() -> list[Waiting]:
    """Ask about all queues in one statement, that reads at most BOUND + 1 entries of an index for each."""
    selects, parameters = [], []
    for position, queue in enumerate(QUEUES):
        rows = queue.rows().annotate(due=F(queue.due_at) if isinstance(queue.due_at, str) else queue.due_at)
        sql, values = rows.order_by("due").values("due")[: BOUND + 1].query.sql_with_params()
        selects.append(f"SELECT {position}, COUNT(*), {AGE} FROM ({sql}) due")  # noqa: S608 - the ORM's own SQL
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects), parameters)
        found = {position: values for position, *values in cursor.fetchall()}
    return [Waiting(queue, *found[position]) for position, queue in enumerate(QUEUES)]
