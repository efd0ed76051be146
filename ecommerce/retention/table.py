"""Every model once: either kept for ever, with the reason, or removed by a rule."""

from dataclasses import dataclass

from backoffice.models import RetentionRun
from backoffice.retention import Rule
from billing.retention import RULES as OF_BILLING
from customers.mail.retention import RULES as OF_MAILS
from ecommerce.retention.rules import RULES as OF_ECOMMERCE
from staff.retention import RULES as OF_STAFF

RULES: tuple[Rule, ...] = (*OF_BILLING, *OF_STAFF, *OF_MAILS, *OF_ECOMMERCE)
REMOVED = {model: rule.kind for rule in RULES for model in rule.models}

BOOKS = "the books: tax law wants them for ten years and more, and `reconcile` proves the money by them"
HISTORY = "the history of orders, which nothing changes: what was sold, sent, returned and asked for, and by whom"
SET_UP = "what staff set up: it grows with the shop, not with its orders"
PEOPLE = "an account, or what belongs to one: it goes when the person is erased, or is removed by hand"
KEPT = {
    **dict.fromkeys(
        ("contenttypes.contenttype", "auth.permission", "billing.counter", "billing.restoreguard",
         "backoffice.retentionrun"),
        "a fixed number of rows",
    ),
    **dict.fromkeys(
        ("auth.group", "auth.group_permissions", "staff.rolesettings", "customers.mailtemplate", "billing.seller",
         "billing.exchangerate", "ecommerce.shopsettings", "ecommerce.product", "ecommerce.sku", "ecommerce.coupon",
         "ecommerce.shippingzone", "ecommerce.shippingrate", "ecommerce.taxrate", "ecommerce.tag", "ecommerce.reason",
         "ecommerce.trackinglayout", "ecommerce.webhookendpoint"),
        SET_UP,
    ),
    **dict.fromkeys(
        ("customers.user", "customers.user_groups", "customers.user_user_permissions", "customers.customer",
         "customers.address", "account.emailaddress", "mfa.authenticator", "staff.invitation", "billing.card"),
        PEOPLE,
    ),
    **dict.fromkeys(
        ("account.emailconfirmation", "socialaccount.socialapp", "socialaccount.socialaccount",
         "socialaccount.socialtoken"),
        "none is written: links are signed, and the provider is configured by the environment",
    ),
    **dict.fromkeys(
        ("billing.sellerversion", "billing.invoice", "billing.invoiceline", "billing.invoicetax", "billing.creditnote",
         "billing.payment", "billing.refund", "billing.refundallocation", "billing.refundfee", "billing.document",
         "billing.taxtransaction"),
        BOOKS,
    ),
    **dict.fromkeys(
        ("ecommerce.order", "ecommerce.orderwords", "ecommerce.orderitem", "ecommerce.taxline", "ecommerce.orderact",
         "ecommerce.orderevent", "ecommerce.fulfillment", "ecommerce.fulfillmentitem", "ecommerce.return",
         "ecommerce.returnitem", "ecommerce.customerrequest", "ecommerce.ordernote", "ecommerce.notemention",
         "ecommerce.noteattachment", "ecommerce.ordertag"),
        HISTORY,
    ),
    "backoffice.processlease": "gone with the work; that of a killed process a day later, with the next one",
    "billing.customerupdate": "one row a customer; its generation must not begin anew while a worker holds the old one",
    "ecommerce.printout": "each order names its latest one, and is told by it whether its slip is out of date",
    "ecommerce.packing": "open work: one row an order while it is packed, gone with the parcel",
    "ecommerce.erasure": "the proof that a person was erased, and what is erased again after a restore",
    "ecommerce.apikey": "history names it, and a revoked key must not become valid again",
}  # fmt: skip
"""A new model is named here or by a rule, or a test fails. Of models with a rule, what it leaves is in use."""


@dataclass(frozen=True, slots=True)
class Line:
    """A rule, and its last run, if there was one."""

    rule: Rule
    run: RetentionRun | None


def overview() -> list[Line]:
    """What is removed when, and what the last run of each rule did."""
    runs = {run.kind: run for run in RetentionRun.objects.all()}
    return [Line(rule, runs.get(rule.kind)) for rule in RULES]
