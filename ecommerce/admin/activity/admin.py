"""The list of all that was done, newest first, and the page of one record."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.models import Activity
from backoffice.times import moment
from ecommerce.admin.activity.filters import DayFilter, KindFilter, ObjectFilter, ObjectTypeFilter, PersonFilter
from ecommerce.admin.activity.search import search
from ecommerce.admin.activity.words import change_lines, sentence


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_title = _("Activity")
    list_display = ("when", "who", "what", "old_and_new", "where")
    list_display_links = ("when",)
    list_filter = (PersonFilter, KindFilter, ObjectTypeFilter, ("at", DayFilter), ObjectFilter)
    search_fields = ("by_label",)  # shows the box; `search` does the search
    search_help_text = _("Person, object, value, file or address")
    empty_text = _("What staff, programs and commands change, import, export and start is listed here by itself.")
    fields = ("when", "who", "what", "old_and_new_in_full", "through", "where")
    readonly_fields = fields

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return search(queryset, text)

    @column(_("when"))
    def when(self, activity: Activity) -> SafeString | str:
        return moment(activity.at)

    @column(_("who"))
    def who(self, activity: Activity) -> SafeString | str:
        if activity.by_kind == Activity.ByKind.STAFF:
            return activity.by_label
        kind = activity.get_by_kind_display()
        return format_html('<div>{}<div class="activity-quiet">{}</div></div>', activity.by_label, kind)

    @column(_("what"))
    def what(self, activity: Activity) -> SafeString:
        through = format_html('<div class="activity-quiet">{}</div>', activity.through) if activity.through else ""
        # In one element: on a phone each child of a cell becomes a column of it.
        return format_html("<div>{}{}</div>", sentence(activity), through)

    @column(_("old → new"))
    def old_and_new(self, activity: Activity) -> SafeString:
        return change_lines(activity)

    @column(_("old → new"))
    def old_and_new_in_full(self, activity: Activity) -> SafeString:
        return change_lines(activity, length=20_000, most=1_000)

    @column(_("from where"))
    def where(self, activity: Activity) -> str:
        return activity.address or "–"
