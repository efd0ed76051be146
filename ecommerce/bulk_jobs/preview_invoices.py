"""What a download of invoices would put in its file, of the orders as they are now: two statements."""

from django.db.models import Count
from django.utils.translation import ngettext

from billing.models import Document, Invoice
from ecommerce.models.order_queryset import OrderQuerySet


def count(orders: OrderQuerySet) -> tuple[int, list[tuple[int, str]]]:
    """Return how many invoices are downloaded, and how many orders are left out for which reason."""
    groups = dict(orders.order_by().values_list("invoice__status").annotate(Count("pk")))
    broken = orders.order_by().filter(
        invoice__documents__format=Document.Format.PDF, invoice__documents__status=Document.Status.BROKEN
    )
    without, cannot = groups.pop(None, 0), broken.count()
    paid = groups.pop(Invoice.Status.PAID, 0)
    unpaid = sum(groups.values())
    counts = ((without, _without(without)), (unpaid, _unpaid(unpaid)), (cannot, _broken(cannot)))
    return paid - cannot, [(number, words % {"count": f"{number:,}"}) for number, words in counts if number]


def _without(number: int) -> str:
    return ngettext("%(count)s has no invoice yet.", "%(count)s have no invoice yet.", number)


def _unpaid(number: int) -> str:
    return ngettext(
        "The invoice of %(count)s is not paid: it has no PDF.",
        "The invoices of %(count)s are not paid: they have no PDF.",
        number,
    )


def _broken(number: int) -> str:
    return ngettext(
        "The invoice of %(count)s can't be issued yet: the job says why.",
        "The invoices of %(count)s can't be issued yet: the job says why of each.",
        number,
    )
