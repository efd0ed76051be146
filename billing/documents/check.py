"""Check XML by the official rules of EN 16931, in a child process that may die or hang without harm.

Each process that checks has one child, which is warm after its first document, and is started anew when it is gone.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Literal, cast

from django.conf import settings

from billing.documents.errors import Problem
from billing.documents.rules import words_of

Syntax = Literal["cii", "ubl"]

COMMAND = (sys.executable, "-m", "billing.documents.checker")
FORM = "FX-SCH-"
SECONDS = 30  # a document of a thousand lines takes one; the first of a child waits for the rules to be compiled


class CheckUnavailable(Exception):
    """It could not be checked now: the child could not be started, died, or took too long."""


class CheckTookLong(CheckUnavailable):
    """Whoever asked could wait no longer; that says nothing of the document."""


_longest: ContextVar[float | None] = ContextVar("longest", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Wait no longer than this for a check, for whoever keeps others waiting: `check` raises CheckTookLong then."""
    token = _longest.set(seconds)
    try:
        yield
    finally:
        _longest.reset(token)


def check(xml: bytes, *, syntax: Syntax) -> list[Problem]:
    """Return what is wrong with a document, each fault once; raise CheckUnavailable."""
    found = list(dict.fromkeys(_ask(xml, syntax)))
    # Factur-X's own rules tell the form; where one of the standard is broken, they only repeat it.
    standard = [(rule, text) for rule, text in found if not rule.startswith(FORM)]
    rules: dict[str, list[str]] = {}
    for rule, text in standard or found:
        rules.setdefault(words_of(rule, text), []).append(rule)
    return [Problem(", ".join(dict.fromkeys(broken)), words) for words, broken in rules.items()]


def _ask(xml: bytes, syntax: Syntax) -> list[tuple[str, str]]:
    request = json.dumps({"syntax": syntax, "length": len(xml)}).encode() + b"\n" + xml
    with _turn():
        try:
            return _child().answer(request)
        except _ChildGone:  # it ends by itself when nothing was asked for a while, or was killed
            return _new_child().answer(request)


@contextmanager
def _turn() -> Iterator[None]:
    longest = _longest.get()
    if not _lock.acquire(timeout=-1 if longest is None else longest):
        raise CheckTookLong("Other documents are being checked.")
    try:
        yield
    finally:
        _lock.release()


class _ChildGone(CheckUnavailable):
    pass


class _Child:
    def __init__(self) -> None:
        self.parent = os.getpid()
        self._is_late = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                COMMAND, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            message = f"The check of documents could not be started: {error}"
            raise CheckUnavailable(message) from error
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def answer(self, request: bytes) -> list[tuple[str, str]]:
        """Raise _ChildGone if it dies over it, CheckUnavailable if it takes too long: then it is killed."""
        longest = _longest.get()
        seconds = SECONDS if longest is None else min(SECONDS, longest)
        timer = threading.Timer(seconds, self._give_up)
        timer.start()
        line = b""
        try:
            line = self._line(request)
        finally:
            timer.cancel()
            if not line.endswith(b"\n"):
                # Interrupted, too: what it still says must not be taken for its answer to the next document.
                self.end()
                _children.clear()
        if line.endswith(b"\n"):
            return [(rule, text) for rule, text in json.loads(line)]
        if self._is_late:
            kind = CheckUnavailable if seconds == SECONDS else CheckTookLong
            raise kind(f"The check of documents took longer than {seconds} seconds.")
        raise _ChildGone("The process that checks documents has died.")

    def _give_up(self) -> None:
        self._is_late = True
        self._process.kill()

    def _line(self, request: bytes) -> bytes:
        with suppress(BrokenPipeError):
            self._requests.write(request)
            self._requests.flush()
            return self._answers.readline()
        return b""

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


_lock = threading.Lock()
_children: list[_Child] = []


def _child() -> _Child:
    # A fork has its parent's list, but not the right to its child's pipes.
    if _children and _children[0].parent == os.getpid():
        return _children[0]
    return _new_child()


def _new_child() -> _Child:
    _children[:] = [_Child()]
    return _children[0]


@atexit.register
def _end() -> None:
    for child in _children:
        if child.parent == os.getpid():
            child.end()
