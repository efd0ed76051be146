"""Payment links of an order: made or found, revoked, and whether one still holds."""

from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from customers.models import Mail
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderEvent, PaymentLink, ShopSettings
from ecommerce.orders.errors import OrderError, wrong_status
from ecommerce.orders.history import record


def create_link(*, order_id: int, by: Actor, at: datetime) -> PaymentLink:
    """Return the link of an order that holds, or a new one; raise OrderError where nothing is to be paid.

    One of which less than half of its days are left gets them all again. Call it outside any lock of the order's.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("customer").get(pk=order_id)
        _check_linkable(order)
        days = timedelta(days=ShopSettings.objects.values_list("payment_link_days", flat=True).get())
        link = order.payment_links.not_revoked().first()
        if link and link.expires_at > at + days / 2:
            return link
        if link and link.expires_at > at:
            link.expires_at = at + days
            link.save(update_fields=["expires_at"])
        else:
            # Whoever opens the one that has ended reads that there is a newer one.
            order.payment_links.not_revoked().update(revoked_at=at)
            link = PaymentLink.objects.create(order=order, created_at=at, expires_at=at + days, **by.columns)
        until = link.expires_at.isoformat()
        record(order, OrderEvent.Kind.PAYMENT_LINK_CREATED, by=by, at=at, until=until)
    return link


def send_link(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Mail the customer the link; raise OrderError where nothing is to be paid, or where such a mail waits already."""
    with transaction.atomic():
        link = create_link(order_id=order_id, by=by, at=at)
        order = link.order
        if not order.customer.email:
            raise OrderError("no_email", _("This customer has no e-mail: copy the payment link instead."))
        mails_of_order = Mail.objects.filter(about_type=ContentType.objects.get_for_model(Order), about_id=order.pk)
        if mails_of_order.filter(kind=Mail.Kind.PAYMENT_LINK, status=Mail.Status.QUEUED).exists():
            raise OrderError("already_queued", _("A mail with the payment link is on its way already."))
        mails.payment_link(order)
    return order


def revoke_links(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Have the link of an order pay nothing any more; raise OrderError where it has none."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        if not order.payment_links.not_revoked().update(revoked_at=at):
            sentence = _("Order %(number)s has no payment link.") % {"number": order.number}
            raise OrderError("no_payment_link", sentence)
        record(order, OrderEvent.Kind.PAYMENT_LINK_REVOKED, by=by, at=at)
    return order


def valid_link(order: Order, *, at: datetime) -> PaymentLink | None:
    """The link by which the order can be paid now."""
    if order.status != Order.Status.CREATED:
        return None
    return order.payment_links.not_revoked().filter(expires_at__gt=at).first()


def is_linkable(order: Order) -> bool:
    """Whether the order waits to be paid, by somebody who is known."""
    return order.status == Order.Status.CREATED and order.customer.erased_at is None


def _check_linkable(order: Order) -> None:
    if order.status != Order.Status.CREATED:
        raise wrong_status(order, needed=_("created"), act=_("paid"))
    if not is_linkable(order):
        raise OrderError("unknown_customer", _("This customer has been erased: cancel the order."))


def check_link(link: PaymentLink, *, at: datetime) -> None:
    """Raise OrderError where this link pays nothing any more; under the order's lock nobody can revoke it meanwhile."""
    now = PaymentLink.objects.filter(pk=link.pk).first()
    if now is None or now.revoked_at:
        sentence = _("This payment link does not hold any more: ask the shop. Nothing was charged.")
        raise OrderError("link_revoked", sentence)
    if now.expires_at <= at:
        raise OrderError("link_expired", _("This payment link has expired: ask the shop. Nothing was charged."))
