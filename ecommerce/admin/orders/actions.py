"""The actions on one order as a table: permissions, form, texts, and the amount to be confirmed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.money import format_money
from customers.actors import Actor
from ecommerce.admin.orders.action_forms import ActionForm, NoteForm, ReasonForm, ReturnForm
from ecommerce.admin.orders.beside_actions import BESIDE_ACTIONS, beside_action_names
from ecommerce.admin.orders.delivery import RECORD_DELIVERY
from ecommerce.admin.orders.fulfill_actions import FULFILL_ACTIONS, UNDO_ACTIONS
from ecommerce.admin.orders.order_action import ActionLink, OrderAction
from ecommerce.admin.orders.refund_form import RefundForm
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import check_stripe_now
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_recovery import retry_refund, send_again, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import allowed_acts, failed_refund_act, open_act, succeeded_payment


def refundable_amount(order: Order, _form: ActionForm) -> int:
    payment = succeeded_payment(order)
    return payment.refundable if payment else 0


def failed_refund_amount(order: Order, _form: ActionForm) -> int:
    act = open_act(order) or failed_refund_act(order)
    return act.refund.amount if act and act.refund else 0


def refund_form_amount(_order: Order, form: ActionForm) -> int | None:
    return form.refund_amount() if isinstance(form, RefundForm) and form.is_bound and form.is_valid() else None


def _describe_full_refund(order: Order, money: str) -> str:
    if money:
        values = {"money": money, "card": _card_label(order)}
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


def _describe_refund(order: Order, money: str) -> str:
    left = format_money(refundable_amount(order, ActionForm(order)), order.currency)
    instead = _("cancel") if order.status == Order.Status.PAID else _("return")
    values = {"money": money, "card": _card_label(order), "left": left, "instead": instead}
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


def _card_label(order: Order) -> str:
    payment = succeeded_payment(order)
    return str(payment.card) if payment and payment.card else _("the card that was charged")


def _describe_retry(_order: Order, money: str) -> str:
    return _("The refund of %(money)s failed. A new one is sent to Stripe.") % {"money": money}


def _describe_settlement_outside(_order: Order, money: str) -> str:
    return _("Nothing is sent to Stripe: you record that %(money)s was refunded another way.") % {"money": money}


def _describe_resend(_order: Order, _money: str) -> str:
    return _("Stripe knew nothing of it when last asked. Sending it again charges or refunds once, not twice.")


def _describe_check(_order: Order, _money: str) -> str:
    return _("Asks Stripe how it ended. No new charge or refund is made.")


def _check_stripe(*, order_id: int, by: Actor, at: datetime) -> Order:
    del by  # reading from Stripe leaves no event
    return check_stripe_now(order_id=order_id, at=at)


REFUND_PERMISSIONS = ("billing.refund_payment",)
ORDER_ACTIONS = (
    *FULFILL_ACTIONS,
    RECORD_DELIVERY,
    OrderAction(
        name="cancel",
        label=gettext_lazy("Cancel"),
        permissions=("ecommerce.cancel_order",),
        form_class=ReasonForm,
        description=_describe_full_refund,
        button=gettext_lazy("Cancel order"),
        button_with_amount=gettext_lazy("Cancel order, refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s is canceled."),
        run=cancel,
        amount=refundable_amount,
        danger=True,
    ),
    OrderAction(
        name="return",
        label=gettext_lazy("Return"),
        permissions=("ecommerce.return_order",),
        form_class=ReturnForm,
        description=_describe_full_refund,
        button=gettext_lazy("Return order"),
        button_with_amount=gettext_lazy("Return order, refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s is returned."),
        run=return_order,
        amount=refundable_amount,
        danger=True,
    ),
    OrderAction(
        name="refund",
        label=gettext_lazy("Refund"),
        permissions=REFUND_PERMISSIONS,
        form_class=RefundForm,
        description=_describe_refund,
        button=gettext_lazy("Show what goes back"),
        button_with_amount=gettext_lazy("Refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s was refunded."),
        run=refund,
        amount=refund_form_amount,
        asks_amount=True,
        danger=True,
    ),
    *UNDO_ACTIONS,
    *BESIDE_ACTIONS,
    OrderAction(
        name="try_again",
        label=gettext_lazy("Try the refund again"),
        permissions=REFUND_PERMISSIONS,
        description=_describe_retry,
        button=gettext_lazy("Try again"),
        button_with_amount=gettext_lazy("Try again, refund %(money)s"),
        success_message=gettext_lazy("The refund of order %(number)s was tried again."),
        run=retry_refund,
        amount=failed_refund_amount,
    ),
    OrderAction(
        name="send_again",
        label=gettext_lazy("Send again"),
        permissions=REFUND_PERMISSIONS,
        description=_describe_resend,
        button=gettext_lazy("Send again"),
        success_message=gettext_lazy("It was sent again for order %(number)s."),
        run=send_again,
    ),
    OrderAction(
        name="settle_outside",
        label=gettext_lazy("Settled outside Stripe"),
        permissions=REFUND_PERMISSIONS,
        form_class=NoteForm,
        description=_describe_settlement_outside,
        button=gettext_lazy("Record it"),
        button_with_amount=gettext_lazy("Record that %(money)s was refunded"),
        success_message=gettext_lazy("Order %(number)s is recorded as refunded outside Stripe."),
        run=settle_outside,
        amount=failed_refund_amount,
    ),
    OrderAction(
        name="check",
        label=gettext_lazy("Check with Stripe"),
        permissions=("ecommerce.add_order", "ecommerce.cancel_order", "ecommerce.return_order", *REFUND_PERMISSIONS),
        description=_describe_check,
        button=gettext_lazy("Check now"),
        success_message=gettext_lazy("Stripe was asked about order %(number)s."),
        run=_check_stripe,
    ),
)


def available_action_names(order: Order) -> set[str]:
    """Return what the order's state allows, whatever the user's permissions."""
    # An open dispute, and a refund that failed, may have gone another way at Stripe since.
    unsure = order.waits_for_stripe or order.held_for_review or order.money_state == Order.MoneyState.DISPUTED
    others = ({"check"} if unsure else set()) | ({"correct_tracking", "record_delivery"} if order.was_paid else set())
    return allowed_acts(order) | beside_action_names(order) | others


def action_links(order: Order, user: Any) -> list[ActionLink]:
    names = available_action_names(order)
    links = _links(order, user, names)
    if "pay" in names and user.has_perm("ecommerce.add_order"):
        pay = ActionLink(_("Pay with another card"), reverse("admin:ecommerce_order_pay", args=[order.pk]))
        links.insert(0, pay)
    if user.has_perm("ecommerce.handle_return") and (order.status == order.Status.FULFILLED or order.fulfillment_state):
        links.append(ActionLink(_("Open a return"), reverse("admin:ecommerce_return_open", args=[order.pk])))
    return links


def full_refund_links(order: Order, user: Any) -> list[ActionLink]:
    """Return links to what refunds all that is left and changes the status, too."""
    return _links(order, user, available_action_names(order) & {"cancel", "return"})


def _links(order: Order, user: Any, names: Collection[str]) -> list[ActionLink]:
    return [
        ActionLink(
            action.label, reverse(f"admin:ecommerce_order_{action.name}", args=[order.pk]), action.danger, action.aside
        )
        for action in ORDER_ACTIONS
        if action.is_linked and action.name in names and action.has_permission(user)
    ]
