"""The ModelAdmins that every page of the staff admin is built from."""

from typing import Any

from django.contrib.admin import ModelAdmin as PlainModelAdmin
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.db import IntegrityError, models
from django.forms import Media, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.text import capfirst
from psycopg.errors import UniqueViolation
from unfold.admin import ModelAdmin

from backoffice.keyset_paging import KeysetChangeList


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """A model's pages: newest first, paged by key, nothing counted, safe to serve from several threads at once."""

    list_per_page = 50
    ordering: Any = ("-pk",)
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    actions: Any = ()
    sortable_by: Any = ()
    list_title: str | Promise = ""
    empty_words: str | Promise = ""

    @property
    def media(self) -> Media:
        """Give the scripts and styles without the theme's `self.request`, which belongs to whoever asked last."""
        media: Media = PlainModelAdmin.media.fget(self)  # type: ignore[attr-defined]
        for filtered in self.list_filter:
            chosen = filtered[1] if isinstance(filtered, (tuple, list)) else filtered
            form = getattr(chosen, "form_class", None)
            if form is not None and hasattr(form, "Media"):
                media += Media(form.Media)
        return media

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Call the list by what it lists."""
        title = self.list_title or capfirst(self.opts.verbose_name_plural)
        page: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return page

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Save; where somebody saved the same name at that moment, check the form again, which then finds theirs."""
        asked: Any = (request, object_id, form_url, extra_context)
        try:
            page: HttpResponse = super().changeform_view(*asked)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            page = super().changeform_view(*asked)
        return page

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Page by key."""
        return KeysetChangeList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer what the page itself names: "delete selected" is never one of them."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: models.Model, form: "ModelForm[Any]", change: Any) -> None:
        """Write what was changed and nothing else: acts may be writing the other columns meanwhile."""
        columns = {each.name for each in obj._meta.concrete_fields}  # noqa: SLF001 - Django's public Meta API
        changed = [name for name in form.changed_data if name in columns]
        obj.save(update_fields=changed if change else None)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Search as the model says: `matching(text)` of its QuerySet knows which index answers."""
        text = search_term.strip()
        if not text:
            return queryset, False
        if hasattr(queryset, "matching"):
            return queryset.matching(text), False
        found: tuple[models.QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return found


class ReadOnlyAdmin(StaffAdmin):
    """Pages that are only looked at: their rows are written by acts and by Stripe alone."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False
