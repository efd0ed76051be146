"""The admin of tags: their colours and names. They are made on the order page, too."""

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from ecommerce.admin.orders.side_panel import TONES
from ecommerce.models import OrderTag, Tag


@admin.register(Tag)
class TagAdmin(StaffAdmin):
    list_display = ("name", "badge", "orders_link")
    search_fields = ("name",)
    search_help_text = _("Name")
    empty_text = _(
        "Tags mark orders that staff want to find again: fragile, VIP. They are made on the order page, too."
    )
    fields = ("name", "colour")

    def has_module_permission(self, request: HttpRequest) -> bool:
        # Reached from the orders, not from the sidebar.
        return False

    @column(_("in the list"))
    def badge(self, tag: Tag) -> SafeString:
        return format_html('<b class="badge badge-{}">{}</b>', TONES[tag.colour], tag.name)

    @column(_("orders"))
    def orders_link(self, tag: Tag) -> SafeString:
        link = f"{reverse('admin:ecommerce_order_changelist')}?tag={tag.pk}"
        return format_html('<a class="link" href="{}">{}</a>', link, _("Show its orders"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        # Orders lose the tag with it; to list them all would read as many rows as there are.
        tags = list(objs)
        number = OrderTag.objects.filter(tag__in=tags).aggregate(number=Count("pk"))["number"]
        return [str(tag) for tag in tags], {_("orders that lose it"): number}, set(), []
