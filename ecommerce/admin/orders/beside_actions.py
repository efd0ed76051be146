"""Actions beside the money and the parcels: hold, release, the address, and a message to the customer."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.admin.orders.action_forms import HoldForm
from ecommerce.admin.orders.address_form import CorrectAddressForm
from ecommerce.admin.orders.message_form import MessageForm
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.customer_messages import may_be_written_to, write_to_customer
from ecommerce.models import Order
from ecommerce.orders.address import correct_address
from ecommerce.orders.hold import HOLDABLE, hold, release


def beside_action_names(order: Order) -> set[str]:
    """Return those of these actions that the order's state allows."""
    holds = {"hold"} if order.status in HOLDABLE and (order.held_for_review or not order.on_hold) else set()
    # What has left says so: a paid order is then partly fulfilled.
    is_unsent = order.status in HOLDABLE and not order.fulfillment_state
    address = {"correct_address"} if is_unsent and order.shipping_address else set()
    message = {"write"} if may_be_written_to(order) else set()
    return holds | address | message | ({"release"} if order.on_hold else set())


def _describe_hold(order: Order, _money: str) -> str:
    return _("Order %(number)s is not sent while it is on hold: neither here, nor by a mass action or program.") % {
        "number": order.number
    }


def _describe_address(_order: Order, _money: str) -> str:
    return _("The parcel goes there. The invoice, and whom it bills, stay as they are.")


def _describe_release(order: Order, _money: str) -> str:
    return _("It was put on hold: %(why)s. From now on it may be sent.") % {"why": order.hold_reason.rstrip(".")}


def _describe_message(order: Order, _money: str) -> str:
    return _("It goes to %(email)s, and stays on the page of the order.") % {"email": order.customer.email}


BESIDE_ACTIONS = (
    OrderAction(
        name="write",
        label=gettext_lazy("Write to the customer"),
        permissions=("customers.write_mail",),
        form_class=MessageForm,
        description=_describe_message,
        button=gettext_lazy("Send"),
        success_message=gettext_lazy("The mail about order %(number)s is on its way."),
        run=write_to_customer,
        aside="mails",
    ),
    OrderAction(
        name="hold",
        label=gettext_lazy("Put on hold"),
        permissions=("ecommerce.hold_order",),
        form_class=HoldForm,
        description=_describe_hold,
        button=gettext_lazy("Put on hold"),
        success_message=gettext_lazy("Order %(number)s is on hold."),
        run=hold,
        aside="hold",
    ),
    OrderAction(
        name="release",
        label=gettext_lazy("Release"),
        permissions=("ecommerce.hold_order",),
        description=_describe_release,
        button=gettext_lazy("Release"),
        success_message=gettext_lazy("Order %(number)s is not on hold any more."),
        run=release,
    ),
    OrderAction(
        name="correct_address",
        label=gettext_lazy("Correct the address"),
        permissions=("ecommerce.correct_address",),
        form_class=CorrectAddressForm,
        description=_describe_address,
        button=gettext_lazy("Correct the address"),
        success_message=gettext_lazy("Order %(number)s goes to the new address."),
        run=correct_address,
        aside="address",
    ),
)
