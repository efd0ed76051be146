"""The texts that the program ships for each kind of mail, and what the placeholders in them stand for.

A text is plain: a blank line ends a paragraph. What a mail lists, its sums, its buttons and its links are not part of
the texts, so that no change of a text can lose them.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models import Mail

Kind = Mail.Kind
Words = str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What staff may change of a kind; `names` are the placeholders besides those that all kinds have.

    `why_always` says why a kind can't be switched off, if it can't.
    """

    subject: Words
    opening: Words
    closing: Words = ""
    names: tuple[str, ...] = ()
    why_always: Words = ""


PLACEHOLDERS: dict[str, Words] = {
    "greeting": _("Dear Ada Lovelace, or Hello where no name is known"),
    "name": _("The customer's name"),
    "shop": _("The name of the seller"),
    "order_number": _("The number of the order"),
    "order_date": _("When it was placed"),
    "total": _("What it costs, with its currency"),
    "items": _("A list of what was ordered: 2 x Mug"),
    "order_link": _("The customer's page of the order; empty without an account"),
    "invoice_number": _("The number of the invoice"),
    "document_number": _("The number of the invoice or credit note that is attached"),
    "amount": _("What was to be paid"),
    "reason": _("Why the bank declined it, as the customer may know"),
    "carrier": _("Who delivers the parcel; empty where that is not known"),
    "tracking_number": _("The first tracking number; empty where there is none"),
    "parcel_items": _("A list of what is in the parcel"),
    "items_left": _("A list of what is still to come"),
    "canceled_items": _("A list of what was canceled; empty for the whole order"),
    "refunded": _("What goes back, with its currency; empty where nothing does"),
    "refund_note": _("A sentence that says what goes back, and where to"),
    "answer": _("What staff wrote to the customer"),
    "return_number": _("The number of the return"),
    "returned_items": _("A list of what comes or came back"),
    "received_at": _("When the withdrawal arrived"),
    "withdrawn_items": _("A list of what the customer withdrew from"),
    "next_steps": _("A list of sentences that say what happens now"),
}
COMMON = ("greeting", "name", "shop", "order_number", "order_date", "total", "items", "order_link")
LISTS = frozenset({
    "items", "parcel_items", "items_left", "canceled_items", "returned_items", "withdrawn_items", "next_steps",
})  # fmt: skip

LINK_OF_ONE_ORDER = _(
    "The link is for this order alone. If you do not want the order any more, there is nothing to do."
)

TEXTS: dict[str, Texts] = {
    Kind.ORDER_CONFIRMED: Texts(
        subject=_("Order {{ order_number }} is confirmed"),
        opening=_(
            "{{ greeting }}\n\nthank you for your order {{ order_number }}. It is paid, and we prepare it now: "
            "here is what you ordered."
        ),
        names=("invoice_number",),
    ),
    Kind.INVOICE: Texts(
        subject=_("{{ document_number }} of order {{ order_number }}"),
        opening=_("{{ greeting }}\n\n{{ document_number }} of your order {{ order_number }} is attached, as promised."),
        names=("document_number",),
    ),
    Kind.PAYMENT_FAILED: Texts(
        subject=_("Your payment for order {{ order_number }} did not go through"),
        opening=_(
            "{{ greeting }}\n\nyour payment of {{ amount }} for order {{ order_number }} did not go through. "
            "Nothing was charged.{% if reason %}\n\n{{ reason }}{% endif %}\n\nYou can pay with this card again, or "
            "with another one:"
        ),
        closing=LINK_OF_ONE_ORDER,
        names=("amount", "reason"),
    ),
    Kind.AUTHENTICATION_REQUIRED: Texts(
        subject=_("Confirm your payment for order {{ order_number }}"),
        opening=_(
            "{{ greeting }}\n\nyour bank wants you to confirm the payment of {{ amount }} for order "
            "{{ order_number }}. Until then nothing is charged, and nothing is sent."
        ),
        closing=LINK_OF_ONE_ORDER,
        names=("amount",),
    ),
    Kind.PAYMENT_LINK: Texts(
        subject=_("Pay order {{ order_number }}"),
        opening=_("{{ greeting }}\n\nhere you pay your order {{ order_number }} by card, without signing in:"),
        closing=LINK_OF_ONE_ORDER,
        why_always=_("Staff send these mails by hand: they can't be switched off."),
    ),
    Kind.SHIPPED: Texts(
        subject=_("Order {{ order_number }} is on its way"),
        opening=_("{{ greeting }}\n\na parcel of your order {{ order_number }} has left."),
        names=("carrier", "tracking_number", "parcel_items", "items_left"),
    ),
    Kind.TRACKING_CORRECTED: Texts(
        subject=_("The tracking number of order {{ order_number }}"),
        opening=_(
            "{{ greeting }}\n\nthis is the tracking number of a parcel of your order {{ order_number }}. It holds "
            "instead of any that we wrote before:"
        ),
        names=("carrier", "tracking_number", "parcel_items", "items_left"),
    ),
    Kind.CANCELED: Texts(
        subject=_("{% if canceled_items %}A part of order{% else %}Order{% endif %} {{ order_number }} is canceled"),
        opening=_(
            "{{ greeting }}\n\n{% if canceled_items %}a part of your order {{ order_number }} is canceled: what is "
            "listed here will not be sent.{% else %}your order {{ order_number }} is canceled.{% endif %} "
            "{{ refund_note }}{% if answer %}\n\n{{ answer }}{% endif %}"
        ),
        names=("canceled_items", "refunded", "refund_note", "answer"),
    ),
    Kind.REFUNDED: Texts(
        subject=_("Your refund for order {{ order_number }}"),
        opening=_("{{ greeting }}\n\nwe have refunded something of your order {{ order_number }}. {{ refund_note }}"),
        names=("refunded", "refund_note"),
    ),
    Kind.RETURNED: Texts(
        subject=_("Your return of order {{ order_number }} is complete"),
        opening=_(
            "{{ greeting }}\n\nwe have taken back what you returned of order {{ order_number }}. {{ refund_note }}"
        ),
        names=("return_number", "returned_items", "refunded", "refund_note"),
    ),
    Kind.RETURN_APPROVED: Texts(
        subject=_("Your return {{ return_number }} of order {{ order_number }}: send it to us"),
        opening=_(
            "{{ greeting }}\n\nwe take back what you asked for of order {{ order_number }}. The number of your return "
            "is {{ return_number }}: write it on the parcel, so that we know whose it is. We refund you once it has "
            "arrived.{% if answer %}\n\n{{ answer }}{% endif %}"
        ),
        names=("return_number", "returned_items", "answer"),
    ),
    Kind.RETURN_DECLINED: Texts(
        subject=_("Your return {{ return_number }} of order {{ order_number }} was declined"),
        opening=_(
            "{{ greeting }}\n\nwe can't take back what you asked for of order {{ order_number }} "
            "(return {{ return_number }}):\n\n{{ answer }}"
        ),
        names=("return_number", "returned_items", "answer"),
    ),
    Kind.CANCELLATION_DECLINED: Texts(
        subject=_("Order {{ order_number }} could not be canceled"),
        opening=_(
            "{{ greeting }}\n\nyou asked us to cancel order {{ order_number }}. It stays as it is:\n\n{{ answer }}"
        ),
        names=("answer",),
    ),
    Kind.WITHDRAWAL: Texts(
        subject=_("We received your withdrawal from order {{ order_number }}"),
        opening=_(
            "{{ greeting }}\n\nwe received your withdrawal from the contract of order {{ order_number }} on "
            "{{ received_at }}."
        ),
        closing=_(
            "{% for sentence in next_steps %}{{ sentence }}\n\n{% endfor %}"
            "Keep this mail: it is your acknowledgement of receipt."
        ),
        names=("received_at", "withdrawn_items", "next_steps"),
        why_always=_("The law wants these mails: they can't be switched off."),
    ),
}


def names_of(kind: str) -> tuple[str, ...]:
    """The placeholders that texts of a kind may use."""
    return (*COMMON, *TEXTS[kind].names)
