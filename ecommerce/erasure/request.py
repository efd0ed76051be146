"""Ask for a person to be erased: one transaction, after which nobody signs in and nothing is ordered for them."""

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from billing import removals
from billing.models import Payment, Refund, StripeRemoval
from customers.actors import Actor, ActorKind
from customers.models import Customer, User
from ecommerce.bulk_jobs.leases import OPEN
from ecommerce.erasure.words import collect
from ecommerce.models import BulkJob, Erasure, FileImport, Order, OrderAct

logger = logging.getLogger(__name__)
Status = Payment.Status
UNDECIDED_PAYMENTS = Q(status__in=[Status.REQUESTED, Status.PROCESSING, Status.REQUIRES_ACTION])
UNDECIDED_REFUNDS = Q(status__in=[Refund.Status.REQUESTED, Refund.Status.PENDING])
RUNNING_IMPORTS = Q(status__in=[FileImport.Status.CHECKING, FileImport.Status.APPLYING])


class CanNotErase(Exception):
    """Why a person can't be erased yet, in sentences; nothing was changed."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def reasons_against(customer: Customer) -> list[str]:
    """Say what must end first; each sentence names it."""
    staff = [_("This customer is a member of staff: take away the access to the admin first.")]
    is_staff = User.objects.filter(customer=customer, is_staff=True).exists()
    return [*(staff if is_staff else []), *in_flight(customer)]


def in_flight(customer: Customer) -> list[str]:
    return [*_acts(customer), *_money(customer), *_jobs(customer)]


def _acts(customer: Customer) -> Iterator[str]:
    for act in OrderAct.objects.filter(order__customer=customer, closed_at=None).select_related("order"):
        values = {"number": act.order.number, "kind": act.get_kind_display().lower()}
        yield _("Order %(number)s waits for Stripe (%(kind)s).") % values


def _money(customer: Customer) -> Iterator[str]:
    payments = Payment.objects.filter(invoice__customer=customer)
    waiting = payments.filter(UNDECIDED_PAYMENTS).values_list("invoice__reference", flat=True)
    refunds = Refund.objects.filter(UNDECIDED_REFUNDS, payment__invoice__customer=customer)
    disputed = payments.filter(dispute=Payment.Dispute.OPEN).values_list("invoice__reference", flat=True)
    for number in waiting:
        yield _("A payment of order %(number)s is not decided yet.") % {"number": number}
    for number in refunds.values_list("payment__invoice__reference", flat=True):
        yield _("A refund of order %(number)s is on its way.") % {"number": number}
    for number in disputed:
        yield _("A dispute about order %(number)s is open.") % {"number": number}


def _jobs(customer: Customer) -> Iterator[str]:
    ids = list(Order.objects.filter(customer=customer).values_list("pk", flat=True))
    jobs = BulkJob.objects.filter(status__in=OPEN, slices__order_ids__overlap=ids).distinct() if ids else ()
    for job in jobs:
        yield _("Bulk job %(id)s is working on an order of this customer.") % {"id": job.pk}
    if FileImport.objects.filter(RUNNING_IMPORTS, kind="customer").exists():
        yield _("An import of customers is running.")


def request_erasure(*, customer: Customer, by: Actor, at: datetime) -> Erasure:
    """Shut the account and have a worker erase the person; raise CanNotErase. Asked again, it is the same erasure."""
    with transaction.atomic():
        locked = Customer.objects.select_for_update().get(pk=customer.pk)
        before = Erasure.objects.filter(customer=locked).first()
        if before:
            return before
        if reasons := reasons_against(locked):
            raise CanNotErase(reasons)
        erasure = Erasure.objects.create(
            customer=locked,
            words=collect(locked).stored(),
            stripe_customer_id=locked.stripe_customer_id or "",
            **_named_by_nobody(by, locked).columns,
        )
        Customer.objects.filter(pk=locked.pk).update(erased_at=at)
        User.objects.filter(customer=locked).update(is_active=False, session_generation=F("session_generation") + 1)
        if locked.stripe_customer_id:
            removals.request_removal(StripeRemoval.Kind.CUSTOMER, locked.stripe_customer_id)
    # Whoever restores a backup from before reads here who is to be erased again.
    logger.info("Customer %s is being erased.", locked.pk)
    return erasure


def _named_by_nobody(by: Actor, customer: Customer) -> Actor:
    # A customer's own label is the name and e-mail that are to be forgotten.
    if by.kind is ActorKind.CUSTOMER:
        return Actor(kind=ActorKind.CUSTOMER, label=_("Customer %(id)s") % {"id": customer.pk})
    return by
