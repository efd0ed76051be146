"""What is answered while PostgreSQL can't be reached, or has no connection left: 503, for another try in seconds."""

import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template import loader
from django.utils.translation import gettext as _
from django.views import defaults

from pelcro_orders.database_errors import is_unavailable

STATUS, RETRY_AFTER = 503, 5  # seconds
READS = re.compile(r"\s*(SELECT|SHOW|SET|SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)
Handler = Callable[[HttpRequest], HttpResponseBase]


class Writes:
    """Whether a request has tried to write anything, so that people are told only what is certain."""

    done = False


_writes: ContextVar[Writes | None] = ContextVar("writes", default=None)


def note_writes(get_response: Handler) -> Handler:
    def handle(request: HttpRequest) -> HttpResponseBase:
        token = _writes.set(Writes())
        try:
            return get_response(request)
        finally:
            _writes.reset(token)

    return handle


def _note_write(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
    writes = _writes.get()
    if writes is not None and not READS.match(str(sql)):
        writes.done = True  # beforehand: a connection may be lost between a commit and its answer
    return execute(sql, params, many, context)


def install(connection: BaseDatabaseWrapper, **_options: Any) -> None:
    """Have the connection note writes; for `connection_created`."""
    if _note_write not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_write)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, whichever middleware or view has failed."""
    if is_unavailable(sys.exc_info()[1]):
        return unavailable_response(request)
    return defaults.server_error(request)


def unavailable_response(request: HttpRequest) -> HttpResponse:
    path, headers = request.path_info, {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    if path.startswith("/api/"):
        sentence = _("The database can't be reached now. Send the same again in a few seconds.")
        error = {"code": "unavailable", "message": sentence, "field": ""}
        return JsonResponse({"error": error}, status=STATUS, headers=headers)
    if path.startswith("/webhooks/"):
        return HttpResponse("Not stored: send it again.\n", status=STATUS, content_type="text/plain", headers=headers)
    writes = _writes.get()
    asked_for_nothing = request.method in {"GET", "HEAD"}
    told = {"sent": not asked_for_nothing, "is_certain": writes is not None and not writes.done}
    # Without the request: what the site adds to a page for it comes from the database.
    body = loader.get_template("503.html").render(told)
    return HttpResponse(body, status=STATUS, headers=headers)
