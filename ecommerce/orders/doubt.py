"""Refuse to charge while it is in doubt whether Stripe has charged before: in a restored database, above all."""

import logging

from django.db import connection
from django.utils.translation import gettext as _

from billing import gateway, restore
from billing.models import Difference
from billing.reconciliation import checks, settle
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError

logger = logging.getLogger(__name__)


def check_not_restored() -> None:
    """Raise OrderError in a database that was restored. Call it outside any transaction.

    One statement, unless the database server was started since Stripe was last asked.
    """
    state = restore.state()
    if not state.blocked and not state.looked:
        look_at_stripe()
        state = restore.state()
    if state.blocked:
        sentence = _(
            "The database was restored from a backup, so that nobody is charged for now. An administrator has to run "
            "manage.py after_restore, which compares it with Stripe."
        )
        raise OrderError("payments_unavailable", sentence)


def look_at_stripe() -> None:
    """Block if the newest payments at Stripe name what this database has not; wait with it where Stripe is away."""
    try:
        newest = gateway.intents_page().rows
    except gateway.GatewayError as error:
        logger.warning("Whether the database was restored is asked later: %s", error)
        return
    payments = settle.payments_of(newest)
    lost = [each for each in newest if each.id not in payments and _is_lost(each)]
    if lost:
        names = ", ".join(each.id for each in lost[:5])
        restore.block(reason=f"Stripe has {len(lost)} payments that are not here: {names}")
    else:
        restore.looked()


def _is_lost(intent: gateway.PaymentIntent) -> bool:
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
