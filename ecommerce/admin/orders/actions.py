"""What may be done to one order: a table of acts, and the one page that asks before any of them is done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.money import format_money
from customers.actors import Actor
from ecommerce.admin.orders.action_forms import ActForm, FulfillForm, NoteForm, ReasonForm, RefundForm, ReturnForm
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import check_stripe_now
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_recovery import retry_refund, send_again, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import allowed_acts, failed_refund_act, open_act, succeeded_payment

PAY = "pay"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAct:
    """An act as it is offered. `sentence` and `button` name the money; `owed` says how much, in the minor unit.

    The amount that was shown comes back with the form: where it differs by then, the page is shown again.
    """

    name: str
    label: str | Promise
    permissions: tuple[str, ...]
    sentence: Callable[[Order, str], str]
    button: str | Promise
    done: str | Promise
    do: Callable[..., Order]
    button_with_money: str | Promise = ""
    form: type[ActForm] = ActForm
    owed: Callable[[Order, ActForm], int | None] = lambda _order, _form: None
    asks_amount: bool = False
    danger: bool = False

    def allowed(self, user: Any) -> bool:
        """Tell whether this person may do it."""
        return any(user.has_perm(permission) for permission in self.permissions)

    def button_for(self, order: Order, owed: int | None) -> str:
        """Write the button, with the money where some goes back."""
        if owed:
            return str(self.button_with_money) % {"money": format_money(owed, order.currency)}
        return str(self.button)


@dataclass(frozen=True, slots=True)
class Offer:
    """A link to what may be done now."""

    label: str | Promise
    url: str
    danger: bool = False


def going_back(order: Order, _form: ActForm) -> int:
    """Give what undoing the order sends back: all that is left of its payment."""
    payment = succeeded_payment(order)
    return payment.refundable if payment else 0


def failed_amount(order: Order, _form: ActForm) -> int:
    """Give the amount of the refund that failed, or that Stripe knows nothing of."""
    act = open_act(order) or failed_refund_act(order)
    return act.refund.amount if act and act.refund else 0


def chosen_amount(_order: Order, form: ActForm) -> int | None:
    """Give what the chosen amount or items come to; none before something was chosen."""
    return form.owed() if isinstance(form, RefundForm) and form.is_bound and form.is_valid() else None


def _undone(order: Order, money: str) -> str:
    if money:
        told = {"money": money, "card": _card(order)}
        return _("%(money)s goes back to %(card)s. The status changes once Stripe has said yes.") % told
    if order.was_paid:
        return _("Nothing is left to send back: the status changes at once.")
    return _("Nothing was charged, so no money goes back. Stock and coupon are free again, an open invoice is void.")


def _partly(order: Order, money: str) -> str:
    if money:
        return _("%(money)s goes back to %(card)s. The status stays.") % {"money": money, "card": _card(order)}
    left = format_money(going_back(order, ActForm(order)), order.currency)
    whole = _("Cancel") if order.status == Order.Status.PAID else _("Return")
    sentence = _("Give an amount below %(left)s, or how many of which items. %(whole)s sends all of it back.")
    return sentence % {"left": left, "whole": whole}


def _card(order: Order) -> str:
    payment = succeeded_payment(order)
    return str(payment.card) if payment and payment.card else _("the card that was charged")


def _sent(order: Order, _money: str) -> str:
    return _("Order %(number)s was paid, and leaves now. It can't be canceled afterwards, only returned.") % {
        "number": order.number
    }


def _again(_order: Order, money: str) -> str:
    return _("The refund of %(money)s failed. A new one is sent to Stripe.") % {"money": money}


def _outside(_order: Order, money: str) -> str:
    return _("Nothing is sent to Stripe: you record that %(money)s was refunded another way.") % {"money": money}


def _resent(_order: Order, _money: str) -> str:
    return _("Stripe knew nothing of it when last asked. Sending it again charges or refunds once, not twice.")


def _checked(_order: Order, _money: str) -> str:
    return _("Asks Stripe how it ended. No new charge or refund is made.")


def _check(*, order_id: int, by: Actor, at: datetime) -> Order:
    del by  # asking is nobody's act
    return check_stripe_now(order_id=order_id, at=at)


REFUNDING = ("billing.refund_payment",)
ACTS = (
    OfferedAct(
        name="fulfill",
        label=gettext_lazy("Fulfill"),
        permissions=("ecommerce.fulfill_order",),
        form=FulfillForm,
        sentence=_sent,
        button=gettext_lazy("Fulfill order"),
        done=gettext_lazy("Order %(number)s is fulfilled."),
        do=fulfill,
    ),
    OfferedAct(
        name="cancel",
        label=gettext_lazy("Cancel"),
        permissions=("ecommerce.cancel_order",),
        form=ReasonForm,
        sentence=_undone,
        button=gettext_lazy("Cancel order"),
        button_with_money=gettext_lazy("Cancel order, refund %(money)s"),
        done=gettext_lazy("Order %(number)s is canceled."),
        do=cancel,
        owed=going_back,
        danger=True,
    ),
    OfferedAct(
        name="return",
        label=gettext_lazy("Return"),
        permissions=("ecommerce.return_order",),
        form=ReturnForm,
        sentence=_undone,
        button=gettext_lazy("Return order"),
        button_with_money=gettext_lazy("Return order, refund %(money)s"),
        done=gettext_lazy("Order %(number)s is returned."),
        do=return_order,
        owed=going_back,
        danger=True,
    ),
    OfferedAct(
        name="refund",
        label=gettext_lazy("Refund"),
        permissions=REFUNDING,
        form=RefundForm,
        sentence=_partly,
        button=gettext_lazy("Show what goes back"),
        button_with_money=gettext_lazy("Refund %(money)s"),
        done=gettext_lazy("A part of order %(number)s is refunded."),
        do=refund,
        owed=chosen_amount,
        asks_amount=True,
        danger=True,
    ),
    OfferedAct(
        name="try_again",
        label=gettext_lazy("Try the refund again"),
        permissions=REFUNDING,
        sentence=_again,
        button=gettext_lazy("Try again"),
        button_with_money=gettext_lazy("Try again, refund %(money)s"),
        done=gettext_lazy("The refund of order %(number)s was tried again."),
        do=retry_refund,
        owed=failed_amount,
    ),
    OfferedAct(
        name="send_again",
        label=gettext_lazy("Send again"),
        permissions=REFUNDING,
        sentence=_resent,
        button=gettext_lazy("Send again"),
        done=gettext_lazy("It was sent again for order %(number)s."),
        do=send_again,
    ),
    OfferedAct(
        name="settle_outside",
        label=gettext_lazy("Settled outside Stripe"),
        permissions=REFUNDING,
        form=NoteForm,
        sentence=_outside,
        button=gettext_lazy("Record it"),
        button_with_money=gettext_lazy("Record that %(money)s was refunded"),
        done=gettext_lazy("Order %(number)s is recorded as refunded outside Stripe."),
        do=settle_outside,
        owed=failed_amount,
    ),
    OfferedAct(
        name="check",
        label=gettext_lazy("Check with Stripe"),
        permissions=("ecommerce.add_order", "ecommerce.cancel_order", "ecommerce.return_order", *REFUNDING),
        sentence=_checked,
        button=gettext_lazy("Check now"),
        done=gettext_lazy("Stripe was asked about order %(number)s."),
        do=_check,
    ),
)


def possible(order: Order) -> set[str]:
    """Give the names of what may be done to the order now, permissions aside."""
    return allowed_acts(order) | ({"check"} if order.waits_for_stripe else set())


def offers(order: Order, user: Any) -> list[Offer]:
    """Give what this person may do to the order now, the way forward first."""
    now = possible(order)
    found = [
        Offer(act.label, reverse(f"admin:ecommerce_order_{act.name}", args=[order.pk]), act.danger)
        for act in ACTS
        if act.name in now and act.allowed(user)
    ]
    return [*_pay_offer(order, user, now), *found]


def _pay_offer(order: Order, user: Any, now: Iterable[str]) -> list[Offer]:
    if PAY not in now or not user.has_perm("ecommerce.add_order"):
        return []
    return [Offer(_("Pay with another card"), reverse("admin:ecommerce_order_pay", args=[order.pk]))]
