"""An action on one order: a button on its page, with the confirmation page behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from billing.money import format_money
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.models import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAction:
    """A button on the order page, with the confirmation page behind it.

    `amount` is the money that the action moves, in the minor unit. It is posted back with the form: where it has
    changed meanwhile, the confirmation is shown again. One that is not linked is reached from a part of the page;
    the link of an `aside` one stands in that part of the page, and in the menu of the list. One that `mails` has a box
    to tick, on at first, for the customer to get a mail.
    """

    name: str
    label: str | Promise
    permissions: tuple[str, ...]
    description: Callable[[Order, str], str]
    button: str | Promise
    success_message: str | Promise | Callable[[Order], str | Promise]
    run: Callable[..., Order]
    button_with_amount: str | Promise = ""
    form_class: type[ActionForm] = ActionForm
    amount: Callable[[Order, ActionForm], int | None] = lambda _order, _form: None
    asks_amount: bool = False
    danger: bool = False
    is_linked: bool = True
    aside: str = ""
    mails: bool = False

    def has_permission(self, user: Any) -> bool:
        return any(user.has_perm(permission) for permission in self.permissions)

    def button_label(self, order: Order, amount: int | None) -> str:
        if amount:
            return str(self.button_with_amount) % {"money": format_money(amount, order.currency)}
        return str(self.button)


@dataclass(frozen=True, slots=True)
class ActionLink:
    label: str | Promise
    url: str
    danger: bool = False
    aside: str = ""
