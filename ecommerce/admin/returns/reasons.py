"""The admin of reasons."""

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from ecommerce.models import Reason


@admin.register(Reason)
class ReasonAdmin(Tabbed, StaffAdmin):
    list_display = ("text", "of_what", "position", "status_badge")
    search_fields = ("text",)
    search_help_text = _("Text")
    empty_text = _("Without reasons, staff and customers write their own words.")
    fields = ("kind", "text", "position", "active")
    tabs = (
        Tab(_("All")),
        *(Tab(label, Q(kind=kind), (("kind__exact", kind),)) for kind, label in Reason.Kind.choices),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        # Reached from the settings and from the returns, not from the sidebar.
        return False

    @column(_("of what"))
    def of_what(self, reason: Reason) -> str:
        return str(reason.get_kind_display())

    @column(_("status"))
    def status_badge(self, reason: Reason) -> SafeString:
        return badge("active", gettext("Offered")) if reason.active else badge("inactive", gettext("Not offered"))
