"""Refuse to charge while it is in doubt whether Stripe has charged before: in a restored database, above all."""

import logging

from django.db import connection
from django.utils.translation import gettext as _

from billing import gateway, restore
from billing.models import Difference, Payment
from billing.reconciliation import checks, lost, settle
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError

logger = logging.getLogger(__name__)
SKIPPED = 1000  # numbers of orders and returns, after a restore


def state_now() -> restore.RestoreState:
    """Ask Stripe first, if the database server was started since it was last asked. Call it outside any transaction."""
    state = restore.state()
    if state.blocked or state.looked:
        return state
    look_at_stripe()
    return restore.state()


def check_not_restored() -> None:
    """Raise OrderError in a database that was restored. Call it outside any transaction.

    One statement, unless the database server was started since Stripe was last asked.
    """
    if state_now().blocked:
        sentence = _(
            "The database was restored from a backup, so that nobody is charged for now. An administrator has to run "
            "manage.py after_restore, which compares it with Stripe."
        )
        raise OrderError("payments_unavailable", sentence)


def look_at_stripe() -> None:
    """Block if the newest payments or refunds at Stripe are not known here; wait with it where Stripe is away."""
    try:
        found = [*_newest_lost_payments(), *lost.newest_lost_refunds()]
    except gateway.GatewayError as error:
        logger.warning("Whether the database was restored is asked later: %s", error)
        return
    if found:
        restore.block(reason=f"Stripe has {len(found)} payments and refunds that are not here: {', '.join(found[:5])}")
        logger.error("The database was restored from before: %s. Run manage.py after_restore.", ", ".join(found[:5]))
    else:
        restore.looked()


def _newest_lost_payments() -> list[str]:
    newest = gateway.intents_page().rows
    payments = settle.payments_of(newest)
    return [each.id for each in newest if _is_lost(each, payments.get(each.id))]


def _is_lost(intent: gateway.PaymentIntent, payment: Payment | None) -> bool:
    if payment:
        return payment.first_sent_at is None
    number = intent.metadata.get("order", "")
    if not checks.is_uuid(intent.metadata.get("payment")) or not number.isdecimal():
        return False
    return int(number) > last_order_number() or Order.objects.filter(number=number).exists()


def last_order_number() -> int:
    """The highest order number that was given out here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM ecommerce_order_number")
        return int(cursor.fetchone()[0])


def move_order_numbers(*, past: int) -> None:
    """Issue no order number up to `past` any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval('ecommerce_order_number', %s) FROM ecommerce_order_number WHERE last_value < %s",
            [past, past],
        )


def skip_order_and_return_numbers() -> None:
    """Leave out so many: what was free, or never paid, left no number at Stripe."""
    with connection.cursor() as cursor:
        for name in ("ecommerce_order_number", "ecommerce_return_number"):
            cursor.execute(f"SELECT setval('{name}', last_value + {SKIPPED}) FROM {name}")  # noqa: S608 - constants


def look_up_lost_charges(order: Order) -> None:
    """Ask Stripe for charges of an order from before the last restore; raise OrderError where Stripe is away."""
    restored_at = restore.state().restored_at
    customer_id = order.customer.stripe_customer_id
    if restored_at is None or order.created_at > restored_at or not customer_id:
        return
    try:
        settle.find_lost_charges(order_number=order.number, customer_id=customer_id)
    except gateway.GatewayError as error:
        sentence = _("Stripe can't be asked now whether order %(number)s was charged before: try it again in a minute.")
        raise OrderError("payments_unavailable", sentence % {"number": order.number}) from error


def check_no_unknown_charge(order: Order) -> None:
    """Raise OrderError while a charge that is not here names this order or its invoice."""
    named = Difference.objects.filter(kind=Difference.Kind.CHARGE_UNKNOWN, resolved_at=None)
    found = named.filter(order_number=order.number).first()
    if found is None and order.invoice:
        found = named.filter(invoice_number=order.invoice.number).first()
    if found:
        sentence = _(
            "Stripe has charged order %(number)s before (%(id)s), and no payment here says so. Adopt or refund that "
            "charge under Differences first."
        )
        raise OrderError("charge_unknown", sentence % {"number": order.number, "id": found.stripe_id})
