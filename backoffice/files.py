"""Import with a preview and export as CSV, for lists that are files elsewhere."""

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

MOST_BYTES = 5_000_000


class CsvForm(ImportForm):  # type: ignore[misc]
    """The file to import."""

    def clean_import_file(self) -> Any:
        """Refuse what would be too much for one request."""
        file = self.cleaned_data["import_file"]
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file has more than 5 MB; split it."))
        return file


class Files(ImportExportMixin):  # type: ignore[misc]
    """Adds import and export to a ModelAdmin. The file of an import waits for its confirmation in the file storage."""

    formats = (CSV,)
    import_form_class = CsvForm
    tmp_storage_class = MediaStorage
    export_permission = "ecommerce.export_order"

    def get_tmp_storage_class_kwargs(self) -> dict[str, str]:
        """Name the folder that is cleared."""
        return {"MEDIA_FOLDER": FOLDER}

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to make and to change rows."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to see rows, and to take data out."""
        return bool(self.has_view_permission(request) and request.user.has_perm(self.export_permission))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """Send the rows of the list, as it is filtered, line by line."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        resource = self.get_export_resource_classes(request)[0]()
        lines = resource.lines(self.get_export_queryset(request).order_by("pk"))
        name = f"{self.opts.model_name}s-{timezone.localdate()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def process_import(self, request: HttpRequest, **options: Any) -> HttpResponse:
        """Import what was previewed; a file that is gone was imported already, or waited too long."""
        try:
            answer: HttpResponse = super().process_import(request, **options)
        except FileNotFoundError:
            messages.error(request, gettext("This file was imported already, or is gone: upload it again."))
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"))
        return answer

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **options: Any) -> Any:
        """Import all rows or none."""
        return super().process_dataset(dataset, form, request, rollback_on_validation_errors=True, **options)

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        """Say so where a row that was fine in the preview no longer is."""
        if not result.has_errors() and not result.has_validation_errors():
            answer: HttpResponse = super().process_result(result, request)
            return answer
        messages.error(request, gettext("Nothing was imported: rows changed since the preview. Upload the file again."))
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"))
