"""The API key admin: keys are created by superusers, shown once, and revoked for good."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice import database_clock
from backoffice.badges import badge
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from customers.actors import Actor
from customers.models import User
from ecommerce.admin.staff.admin import SuperuserAdmin
from ecommerce.models import ApiKey

# Registered by allauth. Everybody manages their own addresses and second factors, whose keys nobody else reads.
admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    permissions = forms.MultipleChoiceField(
        choices=ApiKey.Permission.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        label=_("May"),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "permissions")
        help_texts = {"name": _("Of the program that will use it. It stands in the history of every order it touches.")}


@admin.register(ApiKey)
class ApiKeyAdmin(Tabbed, SuperuserAdmin):
    """Keys are never changed or deleted: the history of orders names them."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "permission_list", "created", "last_used", "status_badge")
    search_fields = ("name", "prefix")
    fields = ("name", "permissions")
    readonly_fields = ("prefix", "permission_list", "made_by", "created", "last_used", "status_badge")
    tabs = (
        Tab(_("All")),
        Tab(_("In force"), Q(revoked_at=None), (("revoked_at__isnull", "True"),)),
        Tab(_("Revoked"), Q(revoked_at__isnull=False), (("revoked_at__isnull", "False"),)),
    )
    change_form_after_template = "admin/ecommerce/apikey/revoke_link.html"

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # None can be edited; without an object, this permission opens the list.
        return obj is None and self._is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        # The key's text is passed to `response_add` and kept nowhere else.
        created, request.key_text = ApiKey.objects.create_key(  # type: ignore[attr-defined]
            name=obj.name, permissions=obj.permissions, by=Actor.staff(cast(User, request.user))
        )
        obj.pk, obj.prefix = created.pk, created.prefix

    def log_addition(self, *args: Any) -> None:
        """Do not log: the row says who made it."""

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        # Rendered here, not in a redirect: the text must not be kept, not even in a message.
        text = request.key_text  # type: ignore[attr-defined]
        return self._render(request, "created.html", obj, title=gettext("The new key"), text=text)

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:key_id>/revoke/", revoke, name="ecommerce_apikey_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        if not self._is_superuser(request):
            raise PermissionDenied
        key = get_object_or_404(ApiKey, pk=key_id)
        if request.method == "POST":
            key.revoke(at=database_clock.now())
            messages.success(request, gettext("%(key)s is revoked: it opens nothing any more.") % {"key": key})
            return redirect(reverse("admin:ecommerce_apikey_changelist"))
        return self._render(request, "revoke.html", key, title=gettext("Revoke a key"))

    def _render(self, request: HttpRequest, template: str, key: ApiKey, **context: Any) -> TemplateResponse:
        base = {**self.admin_site.each_context(request), "opts": self.opts, "key": key}
        return TemplateResponse(request, f"admin/ecommerce/apikey/{template}", {**base, **context})

    @column(_("may"))
    def permission_list(self, key: ApiKey) -> str:
        return ", ".join(str(ApiKey.Permission(each).label) for each in key.permissions)

    @column(_("made"))
    def created(self, key: ApiKey) -> SafeString | str:
        return moment(key.created_at)

    @column(_("last used"))
    def last_used(self, key: ApiKey) -> SafeString | str:
        return moment(key.last_used_at)

    @column(_("status"))
    def status_badge(self, key: ApiKey) -> SafeString:
        revoked = key.revoked_at is not None
        return badge("inactive", gettext("Revoked")) if revoked else badge("active", gettext("In force"))
