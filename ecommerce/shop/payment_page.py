"""What the page of a payment link shows: what has become of the order, and, while it can be paid, what for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.declines import NOT_AUTHENTICATED, for_customer, weight
from billing.models import Payment
from billing.money import format_money
from billing.sums import SumRow, sum_rows, tax_totals
from ecommerce.models import Order, OrderItem, PaymentLink
from ecommerce.orders.errors import OrderError
from ecommerce.orders.quote_sums import total_rows
from ecommerce.orders.quotes import Quote, QuotedLine
from ecommerce.orders.reprice import quote_again
from ecommerce.orders.selectors import allowed_acts

# What a customer may read as it was raised: all other refusals name staff, Stripe's ids or what administrators do.
FOR_CUSTOMERS = frozenset(
    {
        *("card_required", "coupon_exhausted", "currency_changed", "inactive_sku", "out_of_stock", "price_changed"),
        "too_many_declines",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """`state` is paid, canceled, revoked, replaced, expired, confirming, authenticate, pay or obstacle.

    `total`, in the minor unit, is what another card pays; None where none can.
    """

    state: str
    said: Sequence[str]
    tone: str = "plain"
    lines: Sequence[tuple[str, str]] = ()
    sums: Sequence[SumRow] = ()
    currency: str = ""
    total: int | None = None
    client_secret: str = field(default="", repr=False)

    @property
    def total_money(self) -> str:
        return "" if self.total is None else format_money(self.total, self.currency)

    @property
    def rows(self) -> list[tuple[str, str, bool]]:
        return [(row.label, format_money(row.amount, self.currency), row.is_total) for row in self.sums]


def payment_page(link: PaymentLink, *, at: datetime) -> PaymentPage:
    order = link.order
    over = _ended(order) or _without_link(link, at=at)
    if over:
        return over
    if "pay" not in allowed_acts(order):
        sentence = _("Your payment is being confirmed. This page looks again by itself.")
        return PaymentPage(state="confirming", said=[sentence], tone="warn", **_of_order(order))
    if order.money_state == Order.MoneyState.AUTHENTICATION_REQUIRED:
        return _authenticate(order, at=at)
    return _pay(order, at=at)


def sentence_for_customer(error: OrderError) -> str:
    if error.code in FOR_CUSTOMERS:
        return error.message
    return _("This order can't be paid here just now. Nothing was charged: ask the shop.")


def _ended(order: Order) -> PaymentPage | None:
    values = {"number": order.number}
    if order.status == Order.Status.CANCELED:
        return PaymentPage(state="canceled", said=[_("Order %(number)s was canceled: nothing is to be paid.") % values])
    if order.status != Order.Status.CREATED:
        sentence = _("Order %(number)s is already paid. Nothing is left to pay.") % values
        return PaymentPage(state="paid", said=[sentence], tone="good")
    return None


def _without_link(link: PaymentLink, *, at: datetime) -> PaymentPage | None:
    """Say why a link pays nothing any more; nothing of its order, since it may be in other hands by now."""
    if link.revoked_at:
        if link.order.payment_links.filter(pk__gt=link.pk).exists():
            sentence = _("This link was replaced by a newer one: use that, or ask the shop for it.")
            return PaymentPage(state="replaced", said=[sentence], tone="warn")
        sentence = _("This link does not hold any more: ask the shop for another one.")
        return PaymentPage(state="revoked", said=[sentence], tone="warn")
    if link.expires_at <= at:
        when = f"{timezone.localtime(link.expires_at):%Y-%m-%d %H:%M %Z}"
        sentence = _("This link expired on %(when)s: ask the shop for another one.") % {"when": when}
        return PaymentPage(state="expired", said=[sentence], tone="warn")
    return None


def _authenticate(order: Order, *, at: datetime) -> PaymentPage:
    """The bank is asked about the total of the day the charge was requested; another card pays that of now."""
    payment = Payment.objects.filter(invoice=order.invoice_id, status=Payment.Status.REQUIRES_ACTION).first()
    said = [_("Your bank wants you to confirm the payment of %(money)s.") % {"money": _money(order)}]
    secret = payment.client_secret if payment else ""
    page = PaymentPage(state="authenticate", said=said, tone="warn", client_secret=secret, **_of_order(order))
    try:
        return replace(page, total=quote_again(order, at=at).totals.total)
    except OrderError:
        return page  # it can't be sold again, so that only this payment can be confirmed


def _pay(order: Order, *, at: datetime) -> PaymentPage:
    said = _declined(order)
    try:
        quote = quote_again(order, at=at)
    except OrderError as error:
        said = [*said, sentence_for_customer(error)]
        return PaymentPage(state="obstacle", said=said, tone="bad", **_of_order(order))
    said += _changes(order, quote)
    return PaymentPage(
        state="pay",
        said=said,
        tone="warn" if said else "plain",
        lines=_lines(quote.lines, quote.currency),
        sums=total_rows(quote, reason=order.discount_reason),
        currency=quote.currency,
        total=quote.totals.total,
    )


def _declined(order: Order) -> list[str]:
    if order.money_state != Order.MoneyState.PAYMENT_FAILED:
        return []
    payment = Payment.objects.filter(invoice__reference=order.number).order_by("pk").last()
    if payment is None:
        return []
    return [_why_failed(payment), _("Nothing was charged: pay with another card.")]


def _why_failed(payment: Payment) -> str:
    """The bank's words about the card; what else is said of a failure is meant for staff."""
    if weight(failure_code=payment.failure_code, decline_code=payment.decline_code):
        return for_customer(payment.decline_code, payment.failure_message)[1]
    if payment.failure_code == NOT_AUTHENTICATED:
        return _("The payment was not confirmed with your bank.")
    return _("The payment failed.")


def _changes(order: Order, quote: Quote) -> list[str]:
    said = []
    if order.coupon and quote.coupon is None:
        said.append(_("The coupon %(code)s has ended.") % {"code": order.coupon.code})
    if quote.totals.total != order.total:
        values = {"now": quote.total_money, "was": _money(order)}
        said.append(_("The total is %(now)s now. It was %(was)s when you ordered.") % values)
    return said


def _money(order: Order) -> str:
    return format_money(order.total, order.currency)


def _lines(lines: Iterable[QuotedLine | OrderItem], currency: str) -> list[tuple[str, str]]:
    return [(f"{line.quantity} × {line.description}", format_money(line.amount, currency)) for line in lines]


def _of_order(order: Order) -> dict[str, Any]:
    """What was ordered, as it was priced then."""
    items = order.items.order_by("pk")
    coupon = order.coupon.code if order.coupon else ""
    return {
        "lines": _lines(items, order.currency),
        "sums": sum_rows(order, tax_totals(order.tax_lines.order_by("pk")), coupon_code=coupon),
        "currency": order.currency,
    }
