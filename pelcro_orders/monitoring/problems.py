"""What is wrong, in words, and what to do about it: the page System says so, and the alerts have the same limits."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.durations import in_words
from backoffice.heartbeats import Heartbeat, Kind
from billing import restore
from ecommerce.retention.table import Line
from pelcro_orders.monitoring import clocks
from pelcro_orders.monitoring.broker import MessageQueue
from pelcro_orders.monitoring.database import Endpoint, Retention, Server
from pelcro_orders.monitoring.readiness import Check
from pelcro_orders.monitoring.waiting import Waiting

MINUTE, HOUR, DAY = 60, 3600, 86400
CHARGE_SECONDS, REFUND_SECONDS = 5 * MINUTE, 15 * MINUTE  # asked of Stripe, without an end
ASKED = ("requested", "processing")  # what waits for Stripe, and neither for the customer nor the bank
HEAD_SECONDS, DUE_SECONDS, EVENT_SECONDS, MAIL_SECONDS = 2 * MINUTE, 5 * MINUTE, 5 * MINUTE, 15 * MINUTE
PATIENT = {"document": HOUR, "mail": HOUR}  # which a mass action makes many of, behind all others
ENDPOINT_SECONDS, TRANSACTION_SECONDS = HOUR, 10 * MINUTE
RECONCILE_SECONDS, RETENTION_SECONDS = 36 * HOUR, 3 * DAY
CONNECTION_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that may be wrong, as it is now."""

    checks: list[Check]
    heartbeats: list[Heartbeat]
    clocks: list[tuple[str, float]]
    queues: list[MessageQueue]
    waiting: list[Waiting]
    unsettled: list[tuple[str, str, float]]
    jobs: dict[str, int]
    event_lag: float
    mails: tuple[int, float | None]
    endpoints: list[Endpoint]
    attention: dict[str, int]
    differences: int
    reconciled: float | None
    removed: Retention
    connections: int
    server: Server
    retention: list[Line]


@dataclass(frozen=True, slots=True)
class Problem:
    sentence: str
    advice: str
    link: str = ""


def problems(findings: Findings) -> list[Problem]:
    sources = (_not_ready, _programs, _clocks, _money, _queues, _outboxes, _books, _retention, _server)
    return [problem for source in sources for problem in source(findings)]


def _not_ready(findings: Findings) -> Iterator[Problem]:
    for check in findings.checks:
        if not check.is_well and check.is_known:
            yield Problem(f"{check.title} {check.found}", check.advice)


def _programs(findings: Findings) -> Iterator[Problem]:
    programs = [each for each in findings.heartbeats if each.program.kind != Kind.SWEEP]
    for each in programs:
        if each.is_missed:
            yield Problem(
                _("%(name)s was seen last %(age)s ago, and was not ended.")
                % {"name": each.program.name, "age": in_words(each.age)},
                _("If it is to run, look at its log and start it again; what it held is taken over by others."),
            )
    if sum(each.is_alive and each.program.kind == Kind.BEAT for each in programs) > 1:
        yield Problem(_("Beat runs more than once."), _("It does no harm; end all but one."))


def _clocks(findings: Findings) -> Iterator[Problem]:
    for name, ahead in findings.clocks:
        if abs(ahead) > clocks.LIMIT:
            sentence = (
                _("The clock of %(name)s is %(age)s ahead of Redis's.")
                if ahead > 0
                else _("The clock of %(name)s is %(age)s behind Redis's.")
            )
            yield Problem(
                sentence % {"name": name, "age": in_words(round(abs(ahead)))},
                _(
                    "Have NTP set the clocks of all machines. Orders don't mind; codes of authenticator apps are "
                    "refused, and from a quarter of an hour on files by S3."
                ),
            )


def _money(findings: Findings) -> Iterator[Problem]:
    names = {"charge": _("charge"), "refund": _("refund")}
    limits = {"charge": CHARGE_SECONDS, "refund": REFUND_SECONDS}
    for kind, status, seconds in findings.unsettled:
        if status in ASKED and seconds > limits[kind]:
            model = "payment" if kind == "charge" else "refund"
            yield Problem(
                _("A %(kind)s was asked for %(age)s ago, and Stripe has not told its end.")
                % {"kind": names[kind], "age": in_words(seconds)},
                _("A worker settles it once Stripe answers; what is left then stands under Needs attention."),
                f"{reverse(f'admin:billing_{model}_changelist')}?status__exact={status}",
            )
    if restore.is_blocked():
        yield Problem(
            _("The database was restored: orders are not taken, and refunds not sent."),
            _("Run `python manage.py after_restore`."),
        )


def _queues(findings: Findings) -> Iterator[Problem]:
    for queue in findings.queues:
        if queue.seconds > HEAD_SECONDS:
            yield Problem(
                _("Nobody has taken a message from the queue %(queue)s for %(age)s.")
                % {"queue": queue.name, "age": in_words(queue.seconds)},
                _("Look whether its workers hang; start more where all of them are busy."),
            )
    for each in findings.waiting:
        if (each.seconds or 0) > PATIENT.get(each.queue.kind, DUE_SECONDS):
            yield Problem(
                _("%(what)s: due for %(age)s.") % {"what": each.queue.title, "age": in_words(each.seconds or 0)},
                _("The sweep finds them within 15 s where a worker runs: its log says why it does not."),
            )


def _outboxes(findings: Findings) -> Iterator[Problem]:
    if findings.event_lag > EVENT_SECONDS:
        yield Problem(
            _("An event of Stripe's has waited for %(age)s.") % {"age": in_words(findings.event_lag)},
            _("Workers are busy or gone; nothing is lost, only later."),
            reverse("admin:billing_webhookevent_changelist"),
        )
    if (findings.mails[1] or 0) > MAIL_SECONDS:
        yield Problem(
            _("A mail has waited for %(age)s.") % {"age": in_words(findings.mails[1] or 0)},
            _("Its row says why: the mail server may be away, or the rate too low for what is sent."),
            f"{reverse('admin:customers_mail_changelist')}?status__exact=queued",
        )
    for endpoint in findings.endpoints:
        if endpoint.active and endpoint.failing > ENDPOINT_SECONDS:
            yield Problem(
                _("Nothing has reached the webhook endpoint %(name)s for %(age)s.")
                % {"name": endpoint.name, "age": in_words(endpoint.failing)},
                _("Tell its owner; after a day it is switched off."),
                reverse("admin:ecommerce_webhookendpoint_change", args=(endpoint.id,)),
            )


def _books(findings: Findings) -> Iterator[Problem]:
    if findings.attention["document"]:
        yield Problem(
            _("Invoices or credit notes could not be made."),
            _("Each says why; mend it there and have it made again."),
            f"{reverse('admin:billing_document_changelist')}?status__exact=broken",
        )
    if findings.differences:
        yield Problem(
            _("Our books differ from Stripe's, or from each other."),
            _("End each difference: adopt, refund, not ours, or known."),
            f"{reverse('admin:billing_difference_changelist')}?resolved_at__isnull=1",
        )
    if kept := [line.rule.kind for line in findings.retention if line.run and line.run.error]:
        yield Problem(
            _("What is old could not be removed: %(kinds)s.") % {"kinds": ", ".join(kept)},
            _("The log of the worker says why; each night tries again, and so does `manage.py remove_old --now`."),
            reverse("shop_settings"),
        )
    if (findings.reconciled or 0) > RECONCILE_SECONDS:
        yield Problem(
            _("Our books were last compared with Stripe's %(age)s ago.") % {"age": in_words(findings.reconciled or 0)},
            _("Beat does it each night; run `python manage.py reconcile` now."),
        )


def _retention(findings: Findings) -> Iterator[Problem]:
    if (findings.removed.seconds or 0) > RETENTION_SECONDS:
        yield Problem(
            _("Nothing old was removed for %(age)s.") % {"age": in_words(findings.removed.seconds or 0)},
            _("Beat does it each night; look at Settings > Retention."),
            reverse("shop_settings"),
        )


def _server(findings: Findings) -> Iterator[Problem]:
    if findings.connections > findings.server.connection_limit * CONNECTION_SHARE:
        yield Problem(
            _("%(used)s of %(limit)s connections to PostgreSQL are used.")
            % {"used": findings.connections, "limit": findings.server.connection_limit},
            _("Fewer threads or processes, a larger max_connections, or a pooler (docs/operating.md)."),
        )
    if findings.server.oldest_transaction > TRANSACTION_SECONDS:
        yield Problem(
            _("A transaction has been open for %(age)s.") % {"age": in_words(findings.server.oldest_transaction)},
            _("pg_stat_activity says whose; while it lasts, PostgreSQL can't clean up what is deleted."),
        )
