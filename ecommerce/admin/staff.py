"""Staff who sign in here, and the roles that say what they may do. Superusers alone manage them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from customers.admin.base import StaffAdmin
from customers.admin.columns import column
from customers.admin.tabs import Tab, Tabbed
from customers.models import User
from ecommerce.roles import ROLES


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
    list_display = ("username", "full_name", "email", "roles", "last_login", "is_active")
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
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", ("first_name", "last_name"), "email", "password1", "password2")}),
        (_("Rights"), {"fields": ("groups", "is_superuser")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out customers: they sign in on the website."""
        return super().get_queryset(request).filter(is_staff=True).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep who acted."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[User]", change: Any) -> None:
        """Make them staff."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)

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


@admin.register(Group)
class RoleAdmin(SuperusersOnly, GroupAdmin):
    """Roles. The five that come with the system are fixed; others can be made beside them."""

    list_display = ("name", "members", "fixed")
    filter_horizontal = ("permissions",)
    fields = ("name", "permissions")

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
        """Offer what means something here."""
        if db_field.name == "permissions":
            ours = Permission.objects.filter(content_type__app_label__in=("customers", "billing", "ecommerce"))
            options["queryset"] = ours.exclude(content_type__model="user").select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **options)

    @column(_("people"))
    def members(self, group: Any) -> int:
        """Give how many active staff have it."""
        return int(group.people)

    @column(_("comes with the system"), boolean=True)
    def fixed(self, group: Group) -> bool:
        """Tell whether it can't be changed."""
        return group.name in ROLES
