"""Import of files with a preview, and export in three formats, as a mixin of ModelAdmins."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from import_export.admin import ImportExportMixin

from backoffice import database_clock
from backoffice.activity.record import record
from backoffice.imports.importer import SHOWN
from backoffice.imports.plan import Plan, Problem
from backoffice.models import Activity
from backoffice.writers import Format, TooLongForXlsx, csv_lines, workbook
from customers.actors import actor
from ecommerce import imports
from ecommerce.models import FileImport
from ecommerce.tasks import enqueue_import

MAX_SHOWN = 3
Status = FileImport.Status


class UploadForm(forms.Form):
    import_file = forms.FileField(label=gettext_lazy("File"))

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > settings.UPLOAD_FILE_BYTES:
            raise forms.ValidationError(_("The file has more than 20 MB; split it."))
        return file


class FileImportExport(ImportExportMixin):  # type: ignore[misc]
    """`export_permission` is needed beside the right to see the rows; the ModelAdmin names it."""

    export_permission: str

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request) and request.user.has_perm(self.export_permission))

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}_import"
        own = [
            path("import/<int:import_id>/", wrap(self.import_page), name=f"{name}_page"),
            path("import/<int:import_id>/stop/", wrap(require_POST(self.stop_view)), name=f"{name}_stop"),
            path("import/<int:import_id>/problems.csv", wrap(self.problems_view), name=f"{name}_problems"),
        ]
        return [*own, *super().get_urls()]

    # Files out.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        banner = self._banner(request)
        context = {
            "export_formats": Format,
            "import_banner": banner,
            "import_is_live": any(each["file_import"].is_open for each in banner),
            **(extra_context or {}),
        }
        page: HttpResponse = super().changelist_view(request, context)
        return page

    list_before_template = "admin/import_export/banner.html"

    def _banner(self, request: HttpRequest) -> list[dict[str, Any]]:
        if not self.has_import_permission(request):
            return []
        recent = imports.recent(kind=str(self.opts.model_name), user_id=request.user.pk)[:MAX_SHOWN]
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_import_page"
        return [{"file_import": each, "link": reverse(name, args=[each.pk])} for each in recent]

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        query: Any = request.GET.copy()
        form = Format.named((query.pop("format", None) or [""])[0])
        request.GET = query  # the list's own filters remain
        importer = imports.IMPORTERS[str(self.opts.model_name)]()
        rows = importer.export_rows(self.get_export_queryset(request).order_by("pk"))
        self._record_export(request, form)
        header = [column.name for column in importer.columns]
        name = f"{self.opts.model_name}s-{timezone.localdate()}.{form.suffix}"
        if form == Format.XLSX:
            return self._workbook(request, name, header, rows)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(csv_lines(header, rows, form), content_type=form.content_type, headers=headers)

    def _record_export(self, request: HttpRequest, form: Format) -> None:
        filters = urlencode([(name, value) for name, values in request.GET.lists() for value in values])
        what = _("%(what)s as %(form)s") % {"what": self.opts.verbose_name_plural, "form": form.label}
        note = _("Filtered by %(filters)s") % {"filters": filters} if filters else _("All of them")
        record(act=Activity.Act.EXPORTED, kind=Activity.Kind.EXPORT, label=what, note=note)

    def _workbook(self, request: HttpRequest, name: str, header: list[str], rows: Any) -> HttpResponseBase:
        try:
            file = workbook(header, rows)
        except TooLongForXlsx as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        return FileResponse(file, as_attachment=True, filename=name, content_type=Format.XLSX.content_type)

    # Files in.

    def import_action(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method != "POST" or not form.is_valid():
            return self._render(request, form=form)
        file = form.cleaned_data["import_file"]
        by, kind = actor(request), str(self.opts.model_name)
        started = imports.begin(kind=kind, name=file.name, data=file.read(), by=by, at=database_clock.now())
        if started.status == Status.CHECKING:
            enqueue_import(started)
            return self._to_page(started)
        return self._render(request, started, form=UploadForm())

    def import_page(self, request: HttpRequest, import_id: int) -> HttpResponse:
        return self._render(request, self._own(request, import_id), form=UploadForm())

    def _own(self, request: HttpRequest, import_id: int) -> FileImport:
        if not self.has_import_permission(request):
            raise PermissionDenied
        return get_object_or_404(FileImport, pk=import_id, kind=self.opts.model_name)

    def stop_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        file_import = self._own(request, import_id)
        if not imports.stop(import_id=file_import.pk, by=actor(request)):
            messages.warning(request, _("The import of %(file)s is over already.") % {"file": file_import})
        return self._to_page(file_import)

    def process_import(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        return require_POST(self._process)(request)

    def _process(self, request: HttpRequest) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        found = FileImport.objects.filter(kind=self.opts.model_name, token=request.POST.get("token", "")).first()
        if found is None:
            return self._render(request, form=UploadForm())
        try:
            done = imports.confirm(import_id=found.pk)
        except FileNotFoundError:
            messages.error(request, _("This file was imported already, or is gone: upload it again."))
            return self._to_upload()
        except imports.ImportRefused as error:
            return self._refuse(request, error.problems)
        if done.status == Status.APPLYING:
            enqueue_import(done)
            return self._to_page(done)
        messages.success(request, describe(done))
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _refuse(self, request: HttpRequest, problems: list[Problem]) -> HttpResponse:
        messages.error(request, _("Nothing was imported: rows changed since the preview. Upload the file again."))
        for problem in problems[:10]:
            messages.error(request, f"{problem.cell}: {problem.sentence}")
        return self._to_upload()

    def _to_upload(self) -> HttpResponse:
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")

    def _to_page(self, file_import: FileImport) -> HttpResponse:
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import_page", file_import.pk)

    def _render(self, request: HttpRequest, file_import: FileImport | None = None, **more: Any) -> HttpResponse:
        columns = {column.name: column.title for column in imports.IMPORTERS[str(self.opts.model_name)]().columns}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Import %(what)s") % {"what": self.opts.verbose_name_plural},
            "columns": columns,
            "file_import": file_import,
            "waiting": file_import is not None and file_import.is_open,
            **(self._plan_context(file_import, columns) if file_import else {}),
            **more,
        }
        return TemplateResponse(request, "admin/import_export/file_import.html", context)

    def _plan_context(self, file_import: FileImport, columns: dict[str, Any]) -> dict[str, Any]:
        plan, problems = _plan(file_import), _problems(file_import)
        changes = [
            {"change": each, "cells": _cells(each, columns)} for each in plan.changes[:SHOWN]
        ] if file_import.status == Status.READY else []  # fmt: skip
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_import_problems"
        return {
            "plan": plan,
            "summary": describe(file_import),
            "changes": changes,
            "more_changes": max(len(plan.changes) - SHOWN, 0),
            "problems": problems[:SHOWN],
            "problem_count": len(problems),
            "more_problems": max(len(problems) - SHOWN, 0),
            "problems_link": reverse(name, args=[file_import.pk]),
            "stop_link": reverse(name.replace("_problems", "_stop"), args=[file_import.pk]),
        }

    def problems_view(self, request: HttpRequest, import_id: int) -> HttpResponseBase:
        file_import = self._own(request, import_id)
        problems = _problems(file_import)
        if not problems:
            raise Http404
        header = [_("row"), _("column"), _("cell"), _("problem")]
        rows = [[each.row or None, each.column, each.cell, each.sentence] for each in problems]
        headers = {"Content-Disposition": f'attachment; filename="problems-{file_import.pk}.csv"'}
        return StreamingHttpResponse(csv_lines(header, rows), content_type=Format.CSV.content_type, headers=headers)


def _plan(file_import: FileImport) -> Plan:
    try:
        return imports.plan_of(file_import)
    except FileNotFoundError:  # not made yet, applied, or removed after a day
        return Plan()


def _problems(file_import: FileImport) -> list[Problem]:
    return [Problem(*each) for each in file_import.problems] or _plan(file_import).problems


def _cells(change: Any, columns: dict[str, Any]) -> list[Any]:
    values = {value.name: value for value in change.values}
    return [values.get(name) for name in columns]


def describe(file_import: FileImport) -> str:
    counts = {"new": file_import.new, "updated": file_import.updated, "unchanged": file_import.unchanged}
    written = {name: f"{count:,}" for name, count in counts.items()}
    sentence = _("%(new)s new, %(updated)s updated, %(unchanged)s unchanged") % written
    return _("Import finished: %(counts)s.") % {"counts": sentence} if file_import.status == Status.DONE else sentence
