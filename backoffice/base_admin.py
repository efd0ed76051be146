"""The ModelAdmins that the pages of all apps are built from."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin as PlainModelAdmin
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.db import IntegrityError, models
from django.forms import Media, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation
from unfold.admin import ModelAdmin

from backoffice import kept_forms
from backoffice.concurrent_edits import concurrent_edit_form, is_saving, lock_row
from backoffice.keyset_paging import KeysetChangeList
from backoffice.list_lookups import declared_lookups, without_undeclared


def _unsaved(form: Any) -> Any:
    # What is not valid is shown again, with what was typed, in the form and in its inlines.
    return type(form.__name__, (form,), {"is_valid": lambda _form: False})


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """Newest first, paged by key, nothing counted, safe to serve from several threads at once."""

    list_per_page = 50
    ordering: Any = ("-pk",)
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    actions: Any = ()
    sortable_by: Any = ()
    list_title: str | Promise = ""
    empty_text: str | Promise = ""
    # Parameters that links to the list filter by, beside those of its tabs and filters.
    lookups: Any = ()

    @property
    def media(self) -> Media:
        # The theme's own reads `self.request`, which with several threads is that of the latest request.
        media: Media = PlainModelAdmin.media.fget(self)  # type: ignore[attr-defined]
        for filtered in self.list_filter:
            filter_class = filtered[1] if isinstance(filtered, (tuple, list)) else filtered
            form = getattr(filter_class, "form_class", None)
            if form is not None and hasattr(form, "Media"):
                media += Media(form.Media)
        return media

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        query, undeclared = without_undeclared(self, request)
        if undeclared:
            names = ", ".join(name[:60] for name in undeclared)
            messages.warning(
                request, _("This list can't be filtered by %(names)s: it is shown without.") % {"names": names}
            )
            return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
        title = self.list_title or capfirst(self.opts.verbose_name_plural)
        page: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return page

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return request is not None and lookup in declared_lookups(self, request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        arguments: Any = (request, object_id, form_url, extra_context)
        kept = kept_forms.take(request)
        if kept is not None:
            request = kept_forms.as_posted(request, kept)
            arguments = (request, *arguments[1:])
        try:
            page: HttpResponse = super().changeform_view(*arguments)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            # Another request saved the same name after this form was checked; checked again, the form says so.
            page = super().changeform_view(*arguments)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        if is_saving(request):
            lock_row(self.model, object_id)
        return super().get_object(request, object_id, from_field)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002
        form = super().get_form(request, obj, change=change, **options)
        form = concurrent_edit_form(form) if obj else form
        return _unsaved(form) if hasattr(request, "kept_form") else form

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: models.Model, form: "ModelForm[Any]", change: Any) -> None:
        # Only what was changed: orders' acts may be writing the other columns at the same time.
        columns = {each.name for each in obj._meta.concrete_fields}  # noqa: SLF001 - Django's public Meta API
        changed = [name for name in form.changed_data if name in columns]
        obj.save(update_fields=changed if change else None)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        found = self.search(queryset, text)
        if found is not None:
            return found, False
        by_fields: tuple[models.QuerySet[Any], bool] = super().get_search_results(request, queryset, text)
        return by_fields

    def search(self, queryset: models.QuerySet[Any], text: str) -> models.QuerySet[Any] | None:
        """Search by an index made for it; None leaves the search to Django's `search_fields`."""
        return queryset.matching(text) if hasattr(queryset, "matching") else None


class ReadOnlyAdmin(StaffAdmin):
    """For rows that only acts and Stripe's events write."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
