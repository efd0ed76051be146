"""Import of CSV files with a preview, and export, as a mixin of ModelAdmins."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV
from import_export.tmp_storages import MediaStorage
from unfold.contrib.import_export.forms import ImportForm

from backoffice.uploads import FOLDER

MAX_BYTES = 5_000_000


class CsvImportForm(ImportForm):  # type: ignore[misc]
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file has more than 5 MB; split it."))
        return file


class CsvImportExport(ImportExportMixin):  # type: ignore[misc]
    """An uploaded file waits in the file storage until its preview is confirmed.

    `export_permission` is needed beside the right to see the rows; the ModelAdmin names it.
    """

    formats = (CSV,)
    import_form_class = CsvImportForm
    tmp_storage_class = MediaStorage
    export_permission: str

    def get_tmp_storage_class_kwargs(self) -> dict[str, str]:
        return {"MEDIA_FOLDER": FOLDER}

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request) and request.user.has_perm(self.export_permission))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        resource = self.get_export_resource_classes(request)[0]()
        lines = resource.lines(self.get_export_queryset(request).order_by("pk"))
        name = f"{self.opts.model_name}s-{timezone.localdate()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def process_import(self, request: HttpRequest, **options: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().process_import(request, **options)
        except FileNotFoundError:  # imported already, or removed after a day
            messages.error(request, gettext("This file was imported already, or is gone: upload it again."))
            return self._to_upload()
        return response

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **options: Any) -> Any:
        # All rows or none.
        return super().process_dataset(dataset, form, request, rollback_on_validation_errors=True, **options)

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        if not result.has_errors() and not result.has_validation_errors():
            response: HttpResponse = super().process_result(result, request)
            return response
        messages.error(request, gettext("Nothing was imported: rows changed since the preview. Upload the file again."))
        return self._to_upload()

    def _to_upload(self) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"))
