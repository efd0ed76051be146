"""Staff who sign in here, and the roles that say what they may do. Superusers alone manage them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column, yes_no
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from customers.models import User
from ecommerce.roles import ROLES, any_of


class SuperusersOnly(StaffAdmin):
    """Pages by which a person could give rights: only who has all of them already may open them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Ask for a superuser."""
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Ask for a superuser."""
        return self._may(request)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Ask for a superuser."""
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Ask for a superuser."""
        return self._may(request)

    @staticmethod
    def _may(request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(User)
class StaffUserAdmin(Tabbed, SuperusersOnly, UserAdmin):  # type: ignore[type-arg]
    """Staff. They are never deleted, only made inactive: history names them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_title = _("Staff")
    list_display = ("username", "full_name", "email", "roles", "seen", "active")
    list_filter = ()
    search_help_text = _("User name, name or e-mail")
    tabs = (
        Tab(_("Active"), Q(is_active=True), (("is_active__exact", "1"),)),
        Tab(_("All")),
        Tab(_("Inactive"), Q(is_active=False), (("is_active__exact", "0"),)),
    )
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": (("first_name", "last_name"), "email")}),
        (_("Rights"), {"fields": ("is_active", "groups", "is_superuser")}),
        (_("Dates"), {"fields": (("seen", "made"),)}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", ("first_name", "last_name"), "email", "password1", "password2")}),
        (_("Rights"), {"fields": ("groups", "is_superuser")}),
    )
    readonly_fields = ("seen", "made")
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out customers: they sign in on the website."""
        return super().get_queryset(request).filter(is_staff=True).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep who acted."""
        return False

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **options: Any) -> Any:
        """Tick roles."""
        options |= {"widget": UnfoldAdminCheckboxSelectMultipleWidget(), "label": _("Roles"), "help_text": ""}
        return db_field.formfield(**options)

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[User]", change: Any) -> None:
        """Make them staff."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)

    @column(_("signed in last"))
    def seen(self, user: User) -> SafeString | str:
        """Give when they signed in last, with the zone."""
        return moment(user.last_login)

    @column(_("status"))
    def active(self, user: User) -> SafeString:
        """Tell whether they may sign in."""
        return badge("active", gettext("Active")) if user.is_active else badge("inactive", gettext("Inactive"))

    @column(_("made"))
    def made(self, user: User) -> SafeString | str:
        """Give when they were made, with the zone."""
        return moment(user.date_joined)

    @column(_("name"))
    def full_name(self, user: User) -> str:
        """Give first and last name."""
        return user.get_full_name()

    @column(_("roles"))
    def roles(self, user: User) -> str:
        """Name the roles."""
        names = [group.name for group in user.groups.all()]
        return ", ".join([gettext("Superuser"), *names] if user.is_superuser else names) or gettext(
            "none: sees nothing"
        )


admin.site.unregister(Group)  # Django's own pages of it


def _name_of(permission: Permission) -> str:
    return permission.name.removeprefix("Can ").capitalize().replace("Sku", "SKU").replace("sku", "SKU")


class PermissionsField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Permissions to tick, in words."""

    def label_from_instance(self, obj: Model) -> str:
        """Name one."""
        return _name_of(obj) if isinstance(obj, Permission) else str(obj)


@admin.register(Group)
class RoleAdmin(SuperusersOnly, GroupAdmin):
    """Roles. The five that come with the system are fixed; others can be made beside them."""

    list_title = _("Roles")
    list_display = ("name", "members", "fixed")

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        """Show a fixed role's permissions as words."""
        return ("name", "permissions") if self.has_change_permission(request, obj) else ("name", "may")

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        """Name what is no field."""
        return () if self.has_change_permission(request, obj) else ("may",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Count the members."""
        return super().get_queryset(request).annotate(people=Count("user", filter=Q(user__is_active=True)))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep the fixed roles as they are."""
        return self._may(request) and not (isinstance(obj, Group) and obj.name in ROLES)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep the fixed roles."""
        return self.has_change_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **options: Any) -> Any:
        """Tick permissions, of those that mean something here."""
        known = Permission.objects.filter(any_of(set().union(*ROLES.values()))).select_related("content_type")
        return PermissionsField(queryset=known, widget=UnfoldAdminCheckboxSelectMultipleWidget(), label=_("May"))

    @column(_("may"))
    def may(self, group: Group) -> SafeString:
        """List what the role may do."""
        names = ((_name_of(each),) for each in group.permissions.select_related("content_type"))
        return format_html('<ul class="plain-list">{}</ul>', format_html_join("", "<li>{}</li>", names))

    @column(_("people"))
    def members(self, group: Any) -> int:
        """Give how many active staff have it."""
        return int(group.people)

    @column(_("comes with the system"))
    def fixed(self, group: Group) -> str:
        """Tell whether it can't be changed."""
        return yes_no(group.name in ROLES)
