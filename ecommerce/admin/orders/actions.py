"""The actions on one order as a table: permissions, form, texts, and the amount to be confirmed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.actors import Actor
from ecommerce.admin.orders.action_forms import NoteForm, ReasonForm, ReturnForm
from ecommerce.admin.orders.action_texts import (
    describe_canceled_items,
    describe_check,
    describe_full_refund,
    describe_refund,
    describe_resend,
    describe_retry,
    describe_settlement_outside,
    failed_refund_amount,
    refund_form_amount,
    refundable_amount,
)
from ecommerce.admin.orders.beside_actions import BESIDE_ACTIONS, beside_action_names
from ecommerce.admin.orders.cancel_items_form import CancelItemsForm
from ecommerce.admin.orders.delivery import RECORD_DELIVERY
from ecommerce.admin.orders.fulfill_actions import FULFILL_ACTIONS, UNDO_ACTIONS
from ecommerce.admin.orders.order_action import ActionLink, OrderAction
from ecommerce.admin.orders.payment_link import REVOKE_LINK, SEND_LINK
from ecommerce.admin.orders.refund_form import RefundForm
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.execute import check_stripe_now
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_recovery import retry_refund, send_again, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import allowed_acts


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
        description=describe_full_refund,
        button=gettext_lazy("Cancel order"),
        button_with_amount=gettext_lazy("Cancel order, refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s is canceled."),
        run=cancel,
        mails=True,
        amount=refundable_amount,
        danger=True,
    ),
    OrderAction(
        name="cancel_items",
        label=gettext_lazy("Cancel items"),
        permissions=("ecommerce.cancel_order",),
        form_class=CancelItemsForm,
        description=describe_canceled_items,
        button=gettext_lazy("Show what goes back"),
        button_with_amount=gettext_lazy("Cancel items, refund %(money)s"),
        success_message=gettext_lazy("Items of order %(number)s are canceled."),
        run=cancel_items,
        mails=True,
        amount=refund_form_amount,
        asks_amount=True,
        danger=True,
    ),
    OrderAction(
        name="return",
        label=gettext_lazy("Return"),
        permissions=("ecommerce.return_order",),
        form_class=ReturnForm,
        description=describe_full_refund,
        button=gettext_lazy("Return order"),
        button_with_amount=gettext_lazy("Return order, refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s is returned."),
        run=return_order,
        mails=True,
        amount=refundable_amount,
        danger=True,
    ),
    OrderAction(
        name="refund",
        label=gettext_lazy("Refund"),
        permissions=REFUND_PERMISSIONS,
        form_class=RefundForm,
        description=describe_refund,
        button=gettext_lazy("Show what goes back"),
        button_with_amount=gettext_lazy("Refund %(money)s"),
        success_message=gettext_lazy("Order %(number)s was refunded."),
        run=refund,
        mails=True,
        amount=refund_form_amount,
        asks_amount=True,
        danger=True,
    ),
    *UNDO_ACTIONS,
    *BESIDE_ACTIONS,
    SEND_LINK,
    REVOKE_LINK,
    OrderAction(
        name="try_again",
        label=gettext_lazy("Try the refund again"),
        permissions=REFUND_PERMISSIONS,
        description=describe_retry,
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
        description=describe_resend,
        button=gettext_lazy("Send again"),
        success_message=gettext_lazy("It was sent again for order %(number)s."),
        run=send_again,
    ),
    OrderAction(
        name="settle_outside",
        label=gettext_lazy("Settled outside Stripe"),
        permissions=REFUND_PERMISSIONS,
        form_class=NoteForm,
        description=describe_settlement_outside,
        button=gettext_lazy("Record it"),
        button_with_amount=gettext_lazy("Record that %(money)s was refunded"),
        success_message=gettext_lazy("Order %(number)s is recorded as refunded outside Stripe."),
        run=settle_outside,
        mails=True,
        amount=failed_refund_amount,
    ),
    OrderAction(
        name="check",
        label=gettext_lazy("Check with Stripe"),
        permissions=("ecommerce.add_order", "ecommerce.cancel_order", "ecommerce.return_order", *REFUND_PERMISSIONS),
        description=describe_check,
        button=gettext_lazy("Check now"),
        success_message=gettext_lazy("Stripe was asked about order %(number)s."),
        run=_check_stripe,
    ),
)


def available_action_names(order: Order) -> set[str]:
    """Return what the order's state allows, whatever the user's permissions."""
    # An open dispute, and a refund that failed, may have gone another way at Stripe since.
    unsure = order.waits_for_stripe or order.held_for_review or order.money_state == Order.MoneyState.DISPUTED
    others = {"correct_tracking", "record_delivery"} if order.was_paid else set()
    if order.status == Order.Status.CREATED:
        others = {"send_payment_link", "revoke_payment_link"}
    return allowed_acts(order) | beside_action_names(order) | others | ({"check"} if unsure else set())


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
