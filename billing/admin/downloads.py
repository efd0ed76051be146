"""The files of invoices and credit notes, on their pages."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from billing.documents.make import formats_of
from billing.downloads import NotReady, download
from billing.models import CreditNote, Document, Invoice

if TYPE_CHECKING:
    from backoffice.base_admin import ReadOnlyAdmin as Base
else:
    Base = object


class Downloadable(Base):
    """For the admins of what has documents."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download_view)
        name = f"billing_{self.opts.model_name}_document"
        return [path("<int:pk>/documents/<str:format>/", view, name=name), *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int, format: str) -> HttpResponse:  # noqa: A002 - as in addresses
        if not self.has_view_permission(request):
            raise PermissionDenied
        issued = self.model._default_manager.filter(pk=pk).first()  # noqa: SLF001 - Django's public name for it
        if issued is None or format not in Document.Format.values:
            raise Http404
        try:
            return download(issued, format)
        except NotReady as error:
            messages.warning(request, str(error))
            return redirect(f"admin:billing_{self.opts.model_name}_change", pk)

    def downloads(self, issued: Invoice | CreditNote) -> list[dict[str, Any]]:
        """What can be downloaded, made if need be."""
        name = f"admin:billing_{self.opts.model_name}_document"
        return [
            {
                "link": reverse(name, args=[issued.pk, each.value]),
                "label": _("Download %(format)s") % {"format": each.label},
            }
            for each in formats_of(issued)
        ]

    def broken(self, issued: Invoice | CreditNote) -> list[Document]:
        """The documents that could not be issued."""
        return [each for each in issued.documents.all() if each.status == Document.Status.BROKEN]
