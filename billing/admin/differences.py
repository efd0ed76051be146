"""Differences between our books and Stripe's: the list and their pages.

`ecommerce.admin.differences` registers them, with the ends that need orders.
"""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.links import link
from billing.models import Difference, Reconciliation


class DifferenceAdmin(Tabbed, ReadOnlyAdmin):
    """Written by reconciliation, ended by itself or by people. Those of an order are shown on its page, too."""

    list_display = ("sentence", "kind", "state", "order_of", "found", "seen")
    list_select_related = ("payment__invoice",)
    search_fields = ("stripe_id",)
    search_help_text = _("Stripe's id")
    empty_text = _("What is not the same here and in Stripe's records appears here.")
    list_before_template = "admin/billing/difference/last_reconciliation.html"
    list_filter = ("kind", "outcome", "rule")
    fields = (
        ("state", "kind"),
        "sentence",
        "stripe_id",
        ("order_of", "payment_link"),
        ("found", "seen", "resolved"),
        ("ended_by", "note"),
    )
    tabs = (
        Tab(_("All")),
        Tab(_("Open"), Q(resolved_at=None), (("resolved_at__isnull", "1"),)),
        Tab(_("Ended"), Q(resolved_at__isnull=False), (("resolved_at__isnull", "0"),)),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        latest = Reconciliation.objects.order_by("-pk").first()
        return super().changelist_view(request, {**(extra_context or {}), "reconciliation": latest})

    @column(_("status"))
    def state(self, difference: Difference) -> SafeString:
        if difference.resolved_at is None:
            return badge("failed", gettext("Open"))
        return badge("processed", difference.get_outcome_display() or gettext("Ended"))

    @column(_("order"))
    def order_of(self, difference: Difference) -> str:
        if difference.payment:
            return difference.payment.invoice.reference
        return difference.order_number or gettext("of no order")

    @column(_("payment"))
    def payment_link(self, difference: Difference) -> SafeString | str:
        return link("billing_payment", difference.payment_id, difference.payment) if difference.payment else "–"

    @column(_("found"))
    def found(self, difference: Difference) -> SafeString | str:
        return moment(difference.found_at)

    @column(_("last seen"))
    def seen(self, difference: Difference) -> SafeString | str:
        return moment(difference.seen_at)

    @column(_("ended"))
    def resolved(self, difference: Difference) -> SafeString | str:
        return moment(difference.resolved_at)
