"""Tracking by file: upload, columns, preview row by row, and what became of each row."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice import database_clock
from backoffice.imports.sheets import UnreadableFile
from backoffice.writers import Format, TooLongForXlsx, csv_lines, workbook
from customers.actors import actor
from ecommerce.admin.shipping.access import for_packers, render
from ecommerce.admin.shipping.tracking_rows import file_context, result_header, result_rows
from ecommerce.models import TrackingFile, TrackingLayout
from ecommerce.shipping.carriers import CARRIERS
from ecommerce.tasks import enqueue_tracking_file
from ecommerce.tracking_files import columns as layouts
from ecommerce.tracking_files import files
from ecommerce.tracking_files.files import TrackingFileError

LATEST = 20
Status = TrackingFile.Status


class UploadForm(forms.Form):
    carrier = forms.CharField(
        label=gettext_lazy("Carrier"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Its columns are remembered. Empty where a column of the file names the carrier."),
        widget=UnfoldAdminTextInputWidget({"list": "carriers", "autocomplete": "off"}),
    )
    file = forms.FileField(label=gettext_lazy("File"))
    notify = forms.BooleanField(
        label=gettext_lazy("Mail the customers"),
        initial=True,
        required=False,
        help_text=gettext_lazy("That their parcel is on its way, or that its number was corrected."),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_FILE_BYTES:
            raise forms.ValidationError(_("The file has more than 20 MB; split it."))
        return file


class ColumnsForm(forms.Form):
    """A choice among the file's headers for each field."""

    def __init__(self, file: TrackingFile, data: Any = None) -> None:
        super().__init__(data, initial=file.columns or layouts.guess(file.headers))
        choices = [("", _("Not in the file")), *((header, header) for header in file.headers)]
        for name, label in layouts.FIELDS.items():
            required = name in layouts.REQUIRED
            self.fields[name] = forms.ChoiceField(
                label=str(label), required=required, choices=choices, widget=UnfoldAdminSelectWidget()
            )

    def clean(self) -> dict[str, Any]:
        chosen = {name: header for name, header in (super().clean() or self.cleaned_data).items() if header}
        for name, header in chosen.items():
            if list(chosen.values()).count(header) > 1:
                self.add_error(name, _("Two fields can't be in one column."))
                break
        return chosen


@for_packers
def tracking_view(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload, chosen = form.cleaned_data["file"], {name: form.cleaned_data[name] for name in ("carrier", "notify")}
        try:
            file = files.begin(
                name=upload.name, data=upload.read(), by=actor(request), at=database_clock.now(), **chosen
            )
        except UnreadableFile as error:
            form.add_error("file", str(error))
        else:
            return _lead_on(file)
    context = {
        "title": _("Tracking file"),
        "form": form,
        "carriers": _carriers(),
        "files": TrackingFile.objects.order_by("-pk")[:LATEST],
    }
    return render(request, "tracking.html", context)


def _carriers() -> list[str]:
    remembered = TrackingLayout.objects.exclude(carrier="").values_list("carrier", flat=True)
    return sorted({*remembered, *(carrier.name for carrier in CARRIERS)})


def _lead_on(file: TrackingFile) -> HttpResponse:
    if file.is_open:
        enqueue_tracking_file(file)
    return redirect("warehouse:columns" if file.status == Status.MAPPING else "warehouse:tracking_file", file.pk)


@for_packers
def columns_view(request: HttpRequest, file_id: int) -> HttpResponse:
    file = get_object_or_404(TrackingFile, pk=file_id)
    form = ColumnsForm(file, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _lead_on(files.name_columns(file_id=file.pk, columns=form.cleaned_data))
        except TrackingFileError as error:
            messages.error(request, str(error))
            return redirect("warehouse:tracking")
    context = {"title": _("Columns of %(file)s") % {"file": file}, "file": file, "form": form}
    return render(request, "columns.html", {**context, "sample": files.sample(file)})


@for_packers
def file_view(request: HttpRequest, file_id: int) -> HttpResponse:
    file = get_object_or_404(TrackingFile, pk=file_id)
    if file.status == Status.MAPPING:
        return redirect("warehouse:columns", file.pk)
    is_polled = request.GET.get("fragment") == "progress"
    if is_polled and file.started_at and not file.is_open:
        return HttpResponse(headers={"HX-Refresh": "true"})  # the rows below have their outcomes now
    template = "tracking_progress.html" if is_polled else "tracking_file.html"
    title = _("Tracking file %(file)s") % {"file": file}
    return render(request, template, {"title": title, **file_context(file, request.GET)})


@for_packers
@require_POST
def apply_view(request: HttpRequest, file_id: int) -> HttpResponse:
    get_object_or_404(TrackingFile, pk=file_id)
    try:
        accept = "accept_doubtful" in request.POST
        file = files.apply(file_id=file_id, accept_doubtful=accept, by=actor(request))
    except TrackingFileError as error:
        messages.error(request, str(error))
        return redirect("warehouse:tracking_file", file_id)
    return _lead_on(file)


@for_packers
@require_POST
def stop_view(request: HttpRequest, file_id: int) -> HttpResponse:
    file = get_object_or_404(TrackingFile, pk=file_id)
    if not files.stop(file_id=file.pk, by=actor(request)):
        messages.warning(request, _("%(file)s is not at work.") % {"file": file})
    return redirect("warehouse:tracking_file", file.pk)


@for_packers
@require_POST
def again_view(request: HttpRequest, file_id: int) -> HttpResponse:
    file = get_object_or_404(TrackingFile, pk=file_id)
    try:
        if not files.try_again(file_id=file.pk, by=actor(request)):
            messages.warning(request, _("%(file)s is at work already.") % {"file": file})
    except TrackingFileError as error:
        messages.warning(request, str(error))
        return redirect("warehouse:tracking_file", file.pk)
    file.refresh_from_db()
    return _lead_on(file)


@for_packers
def result_view(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """The file as it came, with the outcome beside each row."""
    file = get_object_or_404(TrackingFile, pk=file_id)
    form = Format.named(request.GET.get("format"))
    name, _dot, _suffix = file.file_name.rpartition(".")
    name = f"{name or file.file_name}-{_('outcomes')}.{form.suffix}"
    header, rows = result_header(file), result_rows(file)
    if form == Format.XLSX:
        try:
            book = workbook(header, rows)
        except TooLongForXlsx as error:
            messages.error(request, str(error))
            return redirect("warehouse:tracking_file", file.pk)
        return FileResponse(book, as_attachment=True, filename=name, content_type=form.content_type)
    # Quotes and line breaks of a file's name end no header: Django writes it.
    response = StreamingHttpResponse(csv_lines(header, rows, form), content_type=form.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return response
