"""What the confirmation pages of order actions say, and the money they name, in the minor unit."""

from django.utils.translation import gettext as _

from billing.money import format_money
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.admin.orders.quoted_form import QuotedForm
from ecommerce.models import Order
from ecommerce.orders.selectors import failed_refund_act, open_act, succeeded_payment


def refundable_amount(order: Order, _form: ActionForm) -> int:
    payment = succeeded_payment(order)
    return payment.refundable if payment else 0


def failed_refund_amount(order: Order, _form: ActionForm) -> int:
    act = open_act(order) or failed_refund_act(order)
    return act.refund.amount if act and act.refund else 0


def refund_form_amount(_order: Order, form: ActionForm) -> int | None:
    return form.refund_amount() if isinstance(form, QuotedForm) and form.is_bound and form.is_valid() else None


def describe_full_refund(order: Order, money: str) -> str:
    if money:
        values = {"money": money, "card": card_label(order)}
        payment = succeeded_payment(order)
        if payment and payment.dispute in {payment.Dispute.OPEN, payment.Dispute.LOST}:
            sentence = _(
                "The bank disputes this payment, so that Stripe will refuse to refund it, unless it is only an "
                "inquiry: answer it at Stripe first. If Stripe does not refuse, %(money)s goes back to %(card)s."
            )
            return sentence % values
        return _("%(money)s goes back to %(card)s. The status changes once Stripe has said yes.") % values
    if order.was_paid:
        return _("Nothing is left to send back: the status changes at once.")
    return _("Nothing was charged, so no money goes back. Stock and coupon are free again, an open invoice is void.")


def describe_refund(order: Order, money: str) -> str:
    left = format_money(refundable_amount(order, ActionForm(order)), order.currency)
    instead = _("cancel") if order.status == Order.Status.PAID else _("return")
    values = {"money": money, "card": card_label(order), "left": left, "instead": instead}
    if money == left:
        sentence = _(
            "%(money)s goes back to %(card)s, which is all that is left: the status stays and nothing goes back to "
            "stock. To %(instead)s the order does both as well."
        )
        return sentence % values
    if money:
        return _("%(money)s goes back to %(card)s. The status stays.") % values
    sentence = _("Choose what goes back to %(card)s, of %(left)s left. To %(instead)s the order sends all of it back.")
    return sentence % values


def describe_canceled_items(order: Order, money: str) -> str:
    values = {"money": money, "card": card_label(order)}
    if money:
        sentence = _(
            "%(money)s goes back to %(card)s. Once Stripe has said yes, the items are canceled and back in stock; "
            "prices and discounts of what stays do not change."
        )
        return sentence % values
    return _("Choose what is not sent any more. Its price goes back, and what stays keeps its own.")


def card_label(order: Order) -> str:
    payment = succeeded_payment(order)
    return str(payment.card) if payment and payment.card else _("the card that was charged")


def describe_retry(_order: Order, money: str) -> str:
    return _("The refund of %(money)s failed. A new one is sent to Stripe.") % {"money": money}


def describe_settlement_outside(_order: Order, money: str) -> str:
    return _("Nothing is sent to Stripe: you record that %(money)s was refunded another way.") % {"money": money}


def describe_resend(_order: Order, _money: str) -> str:
    return _("Stripe knew nothing of it when last asked. Sending it again charges or refunds once, not twice.")


def describe_check(_order: Order, _money: str) -> str:
    return _("Asks Stripe how it ended. No new charge or refund is made.")
