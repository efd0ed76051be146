"""The actions that send an order, take that back, and correct how it was sent."""

from functools import partial
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.admin.orders.fulfill_form import FulfillForm
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.admin.orders.parcel_forms import CorrectTrackingForm, UndoFulfillmentForm
from ecommerce.models import Order
from ecommerce.orders.fulfill import fulfill_in_parcels
from ecommerce.orders.undo_fulfillment import correct_tracking, undo_fulfillment


def _describe_fulfillment(order: Order, _money: str) -> str:
    return _("Say what of order %(number)s leaves now. What has left can't be canceled any more, only returned.") % {
        "number": order.number
    }


def _describe_fulfillment_anyway(order: Order, _money: str) -> str:
    values = {"number": order.number, "why": order.attention}
    return (
        _("Order %(number)s needs attention: %(why)s It leaves all the same, and can't be canceled afterwards.")
        % values
    )


def _fulfilled(order: Order) -> str | Promise:
    if order.fulfillment_state:
        return _("Order %(number)s is partly fulfilled: the rest is still to be sent.")
    return _("Order %(number)s is fulfilled.")


def _describe_undoing(order: Order, _money: str) -> str:
    return _(
        "What was recorded as sent and has not left: order %(number)s is paid again and waits to be sent. No money "
        "moves, and nobody is mailed."
    ) % {"number": order.number}


def _describe_tracking(order: Order, _money: str) -> str:
    return _("Carrier and numbers of a parcel of order %(number)s.") % {"number": order.number}


def _correct_tracking(*, order_id: int, **arguments: Any) -> Order:
    del order_id  # the parcel names it
    return correct_tracking(**arguments)


FULFILL_ACTIONS = (
    OrderAction(
        name="fulfill",
        label=gettext_lazy("Fulfill"),
        permissions=("ecommerce.fulfill_order",),
        form_class=FulfillForm,
        description=_describe_fulfillment,
        button=gettext_lazy("Fulfill order"),
        success_message=_fulfilled,
        run=fulfill_in_parcels,
        mails=True,
    ),
    OrderAction(
        name="fulfill_anyway",
        label=gettext_lazy("Fulfill all the same"),
        permissions=("ecommerce.fulfill_attention_order",),
        form_class=FulfillForm,
        description=_describe_fulfillment_anyway,
        button=gettext_lazy("Fulfill all the same"),
        success_message=_fulfilled,
        run=partial(fulfill_in_parcels, despite_attention=True),
        mails=True,
        danger=True,
    ),
)
UNDO_ACTIONS = (
    OrderAction(
        name="undo_fulfillment",
        label=gettext_lazy("Undo fulfillment"),
        permissions=("ecommerce.undo_fulfillment",),
        form_class=UndoFulfillmentForm,
        description=_describe_undoing,
        button=gettext_lazy("Undo fulfillment"),
        success_message=gettext_lazy("The fulfillment of order %(number)s is undone."),
        run=undo_fulfillment,
        danger=True,
    ),
    OrderAction(
        name="correct_tracking",
        label=gettext_lazy("Correct tracking"),
        permissions=("ecommerce.fulfill_order",),
        form_class=CorrectTrackingForm,
        description=_describe_tracking,
        button=gettext_lazy("Save"),
        success_message=gettext_lazy("The tracking of order %(number)s is corrected."),
        run=_correct_tracking,
        mails=True,
        is_linked=False,
    ),
)
