"""The staff and role admins, for superusers only."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice import database_clock
from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column, yes_no
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from customers.actors import actor
from customers.change_email import change_email
from customers.models import Customer, User
from ecommerce.roles import ROLES, any_of
from staff.discount_ceiling import set_discount_ceiling
from staff.forms import InviteForm, RoleForm, StaffMemberForm
from staff.invitations import invite, is_open
from staff.second_factor import demand_second_factor, is_set_up

LAST_SUPERUSER = "last_superuser"  # the database's constraint
INVITING = _("They get a link by mail, with which they set a password of their own.")


class SuperuserAdmin(StaffAdmin):
    """For pages that grant permissions: only superusers may open them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_superuser(request)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self._is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_superuser(request)

    @staticmethod
    def _is_superuser(request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(User)
class StaffUserAdmin(Tabbed, SuperuserAdmin, UserAdmin):  # type: ignore[type-arg]
    """Staff are made inactive, never deleted: the history of orders names them."""

    form = StaffMemberForm
    add_form = InviteForm
    add_form_template = None
    change_form_outer_after_template = "admin/customers/user/acts.html"
    list_title = _("Staff")
    list_display = ("username", "full_name", "email", "roles", "last_sign_in", "status_badge")
    list_filter = ()
    search_help_text = _("User name, name or e-mail")
    tabs = (
        Tab(_("Active"), Q(is_active=True), (("is_active__exact", "1"),)),
        Tab(_("All")),
        Tab(_("Inactive"), Q(is_active=False), (("is_active__exact", "0"),)),
    )
    fieldsets = (
        (None, {"fields": ("username",)}),
        (_("Person"), {"fields": (("first_name", "last_name"), "email", "time_zone")}),
        (_("Rights"), {"fields": ("is_active", "groups", "is_superuser")}),
        (_("Sign-in"), {"fields": (("last_sign_in", "created"), ("second_factor", "signed_in_at"))}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name")), "description": INVITING}),
        (_("Rights"), {"fields": ("groups", "is_superuser")}),
    )
    readonly_fields = ("last_sign_in", "created", "second_factor", "signed_in_at")
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out customers, who sign in on the website."""
        return super().get_queryset(request).filter(is_staff=True).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        form: Any = super().get_form(request, obj, change=change, **options)
        form.by = actor(request)
        return form

    def get_urls(self) -> list[URLPattern]:
        """Leave out the page on which one types the password of another."""
        return [each for each in super().get_urls() if each.name != "auth_user_password_change"]

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **options)
        except IntegrityError as error:
            if getattr(error.__cause__, "diag", None) is None or error.__cause__.diag.constraint_name != LAST_SUPERUSER:  # type: ignore[union-attr]
                raise
            # Two took the right from each other at the same time; checked again, the form says what is wrong.
            return super().changeform_view(request, *args, **options)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **options: Any) -> Any:
        options |= {"widget": UnfoldAdminCheckboxSelectMultipleWidget(), "label": _("Roles"), "help_text": ""}
        return db_field.formfield(**options)

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[User]", change: Any) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            invite(user=obj, by=request.user if isinstance(request.user, User) else None)
        customer = Customer.objects.filter(user=obj).first() if "email" in form.changed_data and obj.email else None
        if customer:  # somebody of the staff who buys here
            change_email(customer=customer, email=obj.email, by=actor(request), at=database_clock.now())

    @column(_("signed in last"))
    def last_sign_in(self, user: User) -> SafeString | str:
        return moment(user.last_login)

    @column(_("second factor"))
    def second_factor(self, user: User) -> str:
        return yes_no(is_set_up(user))

    @column(_("signed in at"))
    def signed_in_at(self, user: User) -> SafeString | str:
        places = [(session, moment(session.seen_at)) for session in user.staff_sessions.alive()]
        return format_html_join(mark_safe("<br>"), "{}, {}", places) or gettext("nowhere now")

    @column(_("status"))
    def status_badge(self, user: User) -> SafeString:
        if user.is_active and not user.has_usable_password() and is_open(user):
            return badge("queued", gettext("Invited"))
        return badge("active", gettext("Active")) if user.is_active else badge("inactive", gettext("Inactive"))

    @column(_("created"))
    def created(self, user: User) -> SafeString | str:
        return moment(user.date_joined)

    @column(_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @column(_("roles"))
    def roles(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join([gettext("Superuser"), *names] if user.is_superuser else names) or gettext(
            "none: sees nothing"
        )


admin.site.unregister(Group)  # registered by Django


def _permission_label(permission: Permission) -> str:
    return permission.name.removeprefix("Can ").capitalize().replace("Sku", "SKU").replace("sku", "SKU")


class PermissionsField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Model) -> str:
        return _permission_label(obj) if isinstance(obj, Permission) else str(obj)


@admin.register(Group)
class RoleAdmin(SuperuserAdmin, GroupAdmin):
    """The permissions of the built-in roles are fixed; others can be added."""

    list_title = _("Roles")
    list_display = ("name", "user_count", "built_in")

    form = RoleForm

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        permissions = "permission_list" if self._is_built_in(obj) else "permissions"
        return ("name", "second_factor_required", "discount_ceiling", permissions)

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return ("name", "permission_list") if self._is_built_in(obj) else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        demand_second_factor(obj, required=form.cleaned_data["second_factor_required"])
        set_discount_ceiling(obj, form.cleaned_data["discount_ceiling"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(active_users=Count("user", filter=Q(user__is_active=True)))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_superuser(request) and not self._is_built_in(obj)

    @staticmethod
    def _is_built_in(obj: Model | None) -> bool:
        return isinstance(obj, Group) and obj.name in ROLES

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **options: Any) -> Any:
        permissions = Permission.objects.filter(any_of(set().union(*ROLES.values()))).select_related("content_type")
        return PermissionsField(queryset=permissions, widget=UnfoldAdminCheckboxSelectMultipleWidget(), label=_("May"))

    @column(_("may"))
    def permission_list(self, group: Group) -> SafeString:
        names = ((_permission_label(each),) for each in group.permissions.select_related("content_type"))
        return format_html('<ul class="plain-list">{}</ul>', format_html_join("", "<li>{}</li>", names))

    @column(_("people"))
    def user_count(self, group: Any) -> int:
        return int(group.active_users)

    @column(_("comes with the system"))
    def built_in(self, group: Group) -> str:
        return yes_no(group.name in ROLES)
