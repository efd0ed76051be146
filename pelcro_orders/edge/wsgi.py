"""Runs a WSGI application in a thread that is never held by a client: its body is here, its response is kept."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import FileWrapper

Environ = dict[str, Any]
Application = Callable[..., Iterable[bytes]]
BLOCK = 64 * 1024
IN_MEMORY = 1024 * 1024
UNPREFIXED = {"content-length": "CONTENT_LENGTH", "content-type": "CONTENT_TYPE"}
WITHOUT_BODY = (204, 304)


@dataclass
class Response:
    status: int
    headers: list[tuple[bytes, bytes]]
    file: "IO[bytes] | SpooledTemporaryFile[bytes]"
    first: bytes  # what was read of the file so far; all of it if it is shorter than a block


def environ_of(scope: Any) -> Environ:
    raw_path = scope["raw_path"]
    if not raw_path.startswith(b"/"):  # `GET http://host/path`, as sent to proxies
        raw_path = urlsplit(raw_path).path
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(scope["server"][0]),
        "SERVER_PORT": str(scope["server"][1] or 0),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    return environ | _headers(scope["headers"])


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    values = defaultdict(list)
    for raw_name, value in pairs:
        name = raw_name.decode("latin-1")
        if "_" not in name:  # `x_forwarded_for` would read as X-Forwarded-For, which only proxies may say
            values[UNPREFIXED.get(name) or f"HTTP_{name.upper().replace('-', '_')}"].append(value.decode("latin-1"))
    return {name: ("; " if name == "HTTP_COOKIE" else ",").join(several) for name, several in values.items()}


def run(application: Application, environ: Environ) -> Response:
    """Call the application and take its whole response, or the first block of a file."""
    started: list[tuple[int, list[tuple[bytes, bytes]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
        pairs = [(_bytes(name).lower(), _bytes(value).strip()) for name, value in headers]
        started[:] = [(int(status.split(" ", 1)[0]), pairs)]

    result = application(environ, start_response)
    if isinstance(result, FileWrapper):
        return _first_block(Response(*started[-1], result.filelike, b""))
    try:
        file, size = _kept(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    response = Response(*started[-1], file, b"")
    if not any(name == b"content-length" for name, _value in response.headers) and environ["REQUEST_METHOD"] != "HEAD":
        response.headers += [] if response.status in WITHOUT_BODY else [(b"content-length", b"%d" % size)]
    return _first_block(response)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _kept(chunks: Iterable[bytes]) -> "tuple[SpooledTemporaryFile[bytes], int]":
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed once it is sent
    for chunk in chunks:
        file.write(chunk)
    size = file.tell()
    file.seek(0)
    return file, size


def _first_block(response: Response) -> Response:
    response.first = response.file.read(BLOCK)
    if len(response.first) < BLOCK:
        response.file.close()
    return response
