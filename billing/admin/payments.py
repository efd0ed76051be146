"""Payments and refunds as lists and pages that only show. What is done about them is done on the order."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column, yes_no
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.invoices import tab_of
from billing.admin.search import payments_matching, refunds_matching
from billing.models import Payment, Refund, StripeOperation
from billing.templatetags.money import money
from customers.models import Customer

AT_STRIPE = ("uuid", "stripe_id", "failure", "attention", "attempts", "requested", "sent", "closed")


def link(name: str, key: int | None, text: object) -> SafeString:
    """Lead to another page of the admin."""
    return format_html('<a class="link whole" href="{}">{}</a>', reverse(f"admin:{name}_change", args=[key]), text)


def in_short(customer: Customer) -> str:
    """Name a customer where there is little room."""
    return customer.name or customer.email


class WishAdmin(Tabbed, ReadOnlyAdmin):
    """What payments and refunds have in common."""

    @column(_("amount"))
    def money_of(self, wish: StripeOperation) -> SafeString:
        """Give the amount as people read it."""
        return money(wish.amount, wish.currency)

    @column(_("status"))
    def state(self, wish: Any) -> SafeString:
        """Show the status."""
        return badge(wish.status, wish.get_status_display())

    @column(_("failure"))
    def failure(self, wish: StripeOperation) -> str:
        """Say why it failed, and Stripe's code for it."""
        return f"{wish.failure_message} ({wish.failure_code})" if wish.failure_code else wish.failure_message or "–"

    @column(_("failure"))
    def why(self, wish: StripeOperation) -> str:
        """Say in a list why it failed, or what a person must do."""
        return wish.attention or wish.failure_message or "–"

    @column(_("requested"))
    def requested(self, wish: StripeOperation) -> SafeString | str:
        """Give when it was asked for."""
        return moment(wish.requested_at)

    @column(_("first sent to Stripe"))
    def sent(self, wish: StripeOperation) -> SafeString | str:
        """Give when it was first sent."""
        return moment(wish.first_sent_at)

    @column(_("closed"))
    def closed(self, wish: StripeOperation) -> SafeString | str:
        """Give when Stripe's answer was final."""
        return moment(wish.closed_at)


@admin.register(Payment)
class PaymentAdmin(WishAdmin):
    """Charges of invoices."""

    list_display = ("number", "invoice_link", "payer", "money_of", "refunded", "state", "why", "requested")
    list_display_links = ("number",)
    list_select_related = ("invoice__customer",)
    search_fields = ("stripe_payment_intent_id",)
    empty_words = _("A payment appears when an order is placed with a card.")
    search_help_text = _("Payment intent, invoice, order, customer")
    tabs = (Tab(_("All")), *(tab_of(status) for status in Payment.Status))
    fieldsets = (
        (_("Payment"), {"fields": (("state", "money_of"), ("refunded", "card"), ("invoice_link", "customer"))}),
        (_("At Stripe"), {"fields": AT_STRIPE}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by index."""
        text = search_term.strip()
        return (payments_matching(queryset, text) if text else queryset), False

    @column(_("payment"))
    def number(self, payment: Payment) -> str:
        """Name the payment."""
        return str(payment)

    @column(_("Stripe payment intent"))
    def stripe_id(self, payment: Payment) -> str:
        """Give Stripe's id."""
        return payment.stripe_payment_intent_id or gettext("not there yet")

    @column(_("invoice"))
    def invoice_link(self, payment: Payment) -> SafeString:
        """Lead to the invoice."""
        return link("billing_invoice", payment.invoice_id, payment.invoice)

    @column(_("customer"))
    def customer(self, payment: Payment) -> str:
        """Name the customer."""
        return str(payment.invoice.customer)

    @column(_("customer"))
    def payer(self, payment: Payment) -> str:
        """Name the customer in short."""
        return in_short(payment.invoice.customer)

    @column(_("refunded"))
    def refunded(self, payment: Payment) -> SafeString | str:
        """Give what its refunds add up to."""
        return money(payment.refunds, payment.currency) if payment.refunds else "–"


@admin.register(Refund)
class RefundAdmin(WishAdmin):
    """Money that goes back."""

    list_display = ("number", "invoice_link", "payer", "money_of", "state", "why", "by_label", "requested")
    list_display_links = ("number",)
    list_select_related = ("payment__invoice__customer",)
    search_fields = ("stripe_refund_id",)
    empty_words = _("A refund appears when a paid order is canceled, returned or refunded in part.")
    search_help_text = _("Refund, payment intent, order, customer")
    tabs = (Tab(_("All")), *(tab_of(status) for status in Refund.Status))
    fieldsets = (
        (
            _("Refund"),
            {"fields": (("state", "money_of"), ("payment_link", "customer"), "reason", "by_label", "credit_note")},
        ),
        (_("At Stripe"), {"fields": AT_STRIPE}),
        (_("Outside Stripe"), {"fields": ("outside", "note")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by index."""
        text = search_term.strip()
        return (refunds_matching(queryset, text) if text else queryset), False

    @column(_("refund"))
    def number(self, refund: Refund) -> str:
        """Name the refund."""
        return str(refund)

    @column(_("Stripe refund"))
    def stripe_id(self, refund: Refund) -> str:
        """Give Stripe's id."""
        return refund.stripe_refund_id or gettext("not there yet")

    @column(_("invoice"))
    def invoice_link(self, refund: Refund) -> SafeString:
        """Lead to the invoice."""
        return link("billing_invoice", refund.payment.invoice_id, refund.payment.invoice)

    @column(_("customer"))
    def payer(self, refund: Refund) -> str:
        """Name the customer in short."""
        return in_short(refund.payment.invoice.customer)

    @column(_("payment"))
    def payment_link(self, refund: Refund) -> SafeString:
        """Lead to the payment."""
        return link("billing_payment", refund.payment_id, refund.payment)

    @column(_("customer"))
    def customer(self, refund: Refund) -> str:
        """Name the customer."""
        return str(refund.payment.invoice.customer)

    @column(_("settled outside Stripe"))
    def outside(self, refund: Refund) -> str:
        """Tell whether a person settled it without Stripe."""
        return yes_no(refund.settled_outside)

    @column(_("credit note"))
    def credit_note(self, refund: Refund) -> str:
        """Name the credit note."""
        note = getattr(refund, "credit_note", None)
        if note is None:
            return "–"
        return f"{note.number} ({gettext('void')})" if note.voided_at else note.number
