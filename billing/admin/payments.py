"""Payments and refunds: read-only; staff act on them on the order's page."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column, yes_no
from backoffice.list_tabs import Tabbed, status_tabs
from backoffice.times import moment
from billing.admin.links import link
from billing.admin.search import payments_matching, refunds_matching
from billing.declines import fraud_signal
from billing.models import Payment, Refund, StripeOperation
from billing.money import format_money
from billing.templatetags.money import money
from customers.models import Customer

AT_STRIPE = ("uuid", "stripe_id", "failure", "attention", "attempts", "requested", "sent", "closed")


class StripeOperationAdmin(Tabbed, ReadOnlyAdmin):
    @column(_("amount"))
    def amount_money(self, operation: StripeOperation) -> SafeString:
        return money(operation.amount, operation.currency)

    @column(_("status"))
    def state(self, operation: Any) -> SafeString:
        return badge(operation.status, operation.get_status_display())

    @column(_("failure"))
    def failure(self, operation: StripeOperation) -> str:
        message, code = operation.failure_message, operation.failure_code
        signal = fraud_signal(getattr(operation, "decline_code", ""))
        coded = f"{message} ({code})" if code else message or "–"
        return f"{coded} · {signal}" if signal else coded

    @column(_("failure"))
    def why(self, operation: StripeOperation) -> str:
        # In the list: a failure that staff must deal with is told by `attention`.
        return operation.attention or operation.failure_message or "–"

    @column(_("requested"))
    def requested(self, operation: StripeOperation) -> SafeString | str:
        return moment(operation.requested_at)

    @column(_("first sent to Stripe"))
    def sent(self, operation: StripeOperation) -> SafeString | str:
        return moment(operation.first_sent_at)

    @column(_("closed"))
    def closed(self, operation: StripeOperation) -> SafeString | str:
        return moment(operation.closed_at)


@admin.register(Payment)
class PaymentAdmin(StripeOperationAdmin):
    list_display = ("number", "invoice_link", "payer", "amount_money", "refunded", "state", "why", "requested")
    list_display_links = ("number",)
    list_select_related = ("invoice__customer",)
    search_fields = ("stripe_payment_intent_id",)
    empty_text = _("A payment appears when an order is placed with a card.")
    search_help_text = _("Payment intent, charge, amount, card's last four, invoice, order, customer")
    tabs = status_tabs(Payment.Status)
    fieldsets = (
        (_("Payment"), {"fields": (("state", "amount_money"), ("refunded", "card"), ("invoice_link", "customer"))}),
        (_("At Stripe"), {"fields": AT_STRIPE}),
    )

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return payments_matching(queryset, text)

    @column(_("payment"))
    def number(self, payment: Payment) -> str:
        return str(payment)

    @column(_("Stripe payment intent"))
    def stripe_id(self, payment: Payment) -> str:
        return payment.stripe_payment_intent_id or gettext("not there yet")

    @column(_("invoice"))
    def invoice_link(self, payment: Payment) -> SafeString:
        return link("billing_invoice", payment.invoice_id, payment.invoice)

    @column(_("customer"))
    def customer(self, payment: Payment) -> str:
        return str(payment.invoice.customer)

    @column(_("customer"))
    def payer(self, payment: Payment) -> str:
        return _customer_label(payment.invoice.customer)

    @column(_("refunded"))
    def refunded(self, payment: Payment) -> SafeString | str:
        return money(payment.refunds, payment.currency) if payment.refunds else "–"


@admin.register(Refund)
class RefundAdmin(StripeOperationAdmin):
    list_display = ("number", "invoice_link", "payer", "amount_money", "state", "why", "by_label", "requested")
    list_display_links = ("number",)
    list_select_related = ("payment__invoice__customer",)
    search_fields = ("stripe_refund_id",)
    empty_text = _("A refund appears when a paid order is canceled, returned or refunded in part.")
    search_help_text = _("Refund, payment intent, order, customer")
    tabs = status_tabs(Refund.Status)
    fieldsets = (
        (
            _("Refund"),
            {
                "fields": (
                    *(("state", "amount_money"), "fees_kept", ("payment_link", "customer")),
                    *("reason", "by_label", "credit_note"),
                )
            },
        ),
        (_("At Stripe"), {"fields": AT_STRIPE}),
        (_("Outside Stripe"), {"fields": ("outside", "note")}),
    )

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return refunds_matching(queryset, text)

    @column(_("refund"))
    def number(self, refund: Refund) -> str:
        return str(refund)

    @column(_("Stripe refund"))
    def stripe_id(self, refund: Refund) -> str:
        if not refund.amount:
            return gettext("nothing to send: all of it was kept as fees")
        return refund.stripe_refund_id or gettext("not there yet")

    @column(_("kept as fees"))
    def fees_kept(self, refund: Refund) -> str:
        rows = refund.fee_rows.order_by("pk") if refund.fees else ()
        return ", ".join(f"{fee.name} {format_money(fee.amount, refund.currency)}" for fee in rows) or "–"

    @column(_("invoice"))
    def invoice_link(self, refund: Refund) -> SafeString:
        return link("billing_invoice", refund.payment.invoice_id, refund.payment.invoice)

    @column(_("customer"))
    def payer(self, refund: Refund) -> str:
        return _customer_label(refund.payment.invoice.customer)

    @column(_("payment"))
    def payment_link(self, refund: Refund) -> SafeString:
        return link("billing_payment", refund.payment_id, refund.payment)

    @column(_("customer"))
    def customer(self, refund: Refund) -> str:
        return str(refund.payment.invoice.customer)

    @column(_("settled outside Stripe"))
    def outside(self, refund: Refund) -> str:
        return yes_no(refund.settled_outside)

    @column(_("credit note"))
    def credit_note(self, refund: Refund) -> SafeString | str:
        note = getattr(refund, "credit_note", None)
        if note is None:
            return "–"
        text = f"{note.number} ({gettext('void')})" if note.voided_at else note.number
        return link("billing_creditnote", note.pk, text)


def _customer_label(customer: Customer) -> str:
    return customer.name or customer.email
