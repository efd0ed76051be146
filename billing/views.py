"""What a signed link to a document opens."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.documents.links import LinkExpired, read_link
from billing.downloads import NotReady, download


@never_cache
@require_safe
def document(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the PDF that a signed link names, for nobody who had to sign in."""
    try:
        issued = read_link(token)
    except LinkExpired:
        words = _("This link has ended. Open the order again to get a new one.")
        return _refused(request, words, HTTPStatus.GONE)
    if issued is None:
        return _refused(request, _("This link is not complete. Copy all of it."), HTTPStatus.NOT_FOUND)
    try:
        return download(issued)
    except NotReady as error:
        # Why it can't be issued is for staff.
        words = _("%(number)s is not ready yet. Try again later.") % {"number": issued.number}
        response = _refused(request, words, HTTPStatus.SERVICE_UNAVAILABLE)
        if error.again:
            response["Retry-After"] = "5"
        return response


def _refused(request: HttpRequest, words: str, status: HTTPStatus) -> HttpResponse:
    return render(request, "document_refused.html", {"words": words, "status": status.value}, status=status)
