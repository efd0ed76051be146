"""What a person is found by, and text without it."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q

from customers.emails import email_key
from customers.models import Customer, FrozenAddress, Mail, User
from ecommerce.models import Order, OrderEvent

ERASED = "[erased]"
SHORTEST = 2  # of a name: a single letter stands everywhere
STAYS = "country"


@dataclass(frozen=True, slots=True)
class Words:
    """What means a person: `emails` everywhere, `names` (in full, telephone, street) in most places.

    `parts` (a first name, a town) mean the person only beside what is theirs.
    """

    emails: list[str]
    names: list[str]
    parts: list[str]
    user_ids: list[int]
    address_ids: list[int]

    def stored(self) -> dict[str, list[Any]]:
        return asdict(self)


def collect(customer: Customer) -> Words:
    people: list[Customer | User] = [customer, *([customer.user] if customer.user else [])]
    # Mails went to earlier e-mails, too; of an order, mentions went to staff.
    of_orders = Q(about_type__app_label="ecommerce", about_type__model="order")
    about = Q(about_type__app_label="customers", about_type__model="customer", about_id=customer.pk)
    about |= of_orders & Q(about_id__in=customer.orders.values("pk")) & ~Q(kind=Mail.Kind.MENTION)
    mails = Mail.objects.filter(about)
    earlier = _left_by_others(customer, mails.values_list("recipient", flat=True))
    emails = {*(each.email for each in people), *earlier}
    addresses = _addresses(customer)
    names = {f"{each.first_name} {each.last_name}" for each in people} | {customer.phone, customer.tax_id}
    names |= {each.get(name, "") for each in addresses for name in ("name", "line1")}
    parts = {each.first_name for each in people} | {each.last_name for each in people}
    parts |= {value for each in addresses for name, value in each.items() if name != STAYS}
    return Words(
        emails=_clean(emails),
        names=_clean(names),
        parts=_clean(parts | names),
        # Deleted on the way, and still named in what was recorded of them.
        user_ids=[customer.user_id] if customer.user_id else [],
        address_ids=list(customer.addresses.values_list("pk", flat=True)),
    )


def _left_by_others(customer: Customer, emails: Iterable[str]) -> list[str]:
    """Leave out what has become another customer's e-mail since."""
    key_of = {each: email_key(each) for each in emails}
    others = Customer.objects.exclude(pk=customer.pk).filter(email_key__in=set(key_of.values()))
    taken = set(others.values_list("email_key", flat=True))
    return [each for each, key in key_of.items() if key not in taken]


def _addresses(customer: Customer) -> list[dict[str, str]]:
    saved: list[FrozenAddress] = [each.frozen() for each in customer.addresses.all()]
    orders = Order.objects.filter(customer=customer).exclude(shipping_address=None)
    sent = orders.values_list("shipping_address", flat=True)
    changes = OrderEvent.objects.filter(order__customer=customer, kind=OrderEvent.Kind.ADDRESS_CHANGED)
    former = [address for data in changes.values_list("data", flat=True) if (address := data.get("old"))]
    billed = customer.invoices.values_list("bill_to", flat=True)
    return [{name: str(value or "") for name, value in each.items()} for each in (*saved, *sent, *former, *billed)]


def _clean(words: Iterable[str]) -> list[str]:
    return sorted({word for each in words if len(word := each.strip()) >= SHORTEST})


class Scrubber:
    def __init__(self, words: Iterable[str]) -> None:
        # The longest first, so that a full name goes as a whole.
        choices = "|".join(re.escape(each) for each in sorted(words, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{choices})(?!\w)", re.IGNORECASE) if choices else None

    def text(self, text: str) -> str:
        return self._pattern.sub(ERASED, text) if self._pattern else text

    def value(self, value: Any) -> Any:
        """Of a text, or of all texts inside a value of JSON."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {self.text(name): self.value(each) for name, each in value.items()}
            case _:
                return value
