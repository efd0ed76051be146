"""The child process that checks documents: warm, and of no harm when it dies, hangs or can't be started."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from billing.documents import check as checking
from billing.documents.check import CheckTookLong, CheckUnavailable, check, within
from billing.documents.cii import cii_xml
from tests.support.documents import an_invoice

XML = cii_xml(an_invoice())


@pytest.fixture
def own_child(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever child a test brings about, none other's is touched, and it is gone afterwards."""
    monkeypatch.setattr(checking, "_children", [])
    yield
    for child in checking._children:
        child.end()


def pid() -> int:
    return checking._children[0]._process.pid


def replaced(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(checking, "COMMAND", (sys.executable, "-c", source))


@pytest.mark.usefixtures("own_child")
def test_one_child_checks_one_after_the_other_and_a_killed_one_is_replaced() -> None:
    assert check(XML, syntax="cii") == []
    first = pid()
    assert check(XML, syntax="cii") == []
    assert pid() == first
    os.kill(first, signal.SIGKILL)
    assert check(XML, syntax="cii") == []
    assert pid() != first


@pytest.mark.usefixtures("own_child")
def test_one_that_dies_over_every_document_is_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "import os, sys; sys.stdin.readline(); os.abort()")
    with pytest.raises(CheckUnavailable, match="has died"):
        check(XML, syntax="cii")


@pytest.mark.usefixtures("own_child")
def test_one_that_dies_in_the_middle_of_its_answer_has_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "print('[]', end='', flush=True)")
    with pytest.raises(CheckUnavailable, match="has died"):
        check(XML, syntax="cii")


@pytest.mark.usefixtures("own_child")
@pytest.mark.parametrize("xml", [XML, XML + b" " * 1_000_000], ids=["read", "never read"])
def test_one_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, xml: bytes) -> None:
    replaced(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(checking, "SECONDS", 0.2)
    with pytest.raises(CheckUnavailable, match="longer than"):
        check(xml, syntax="cii")
    with pytest.raises(CheckUnavailable, match="longer than"):
        check(xml, syntax="cii")


@pytest.mark.usefixtures("own_child")
def test_whoever_can_not_wait_is_told_soon_and_has_the_hanging_one_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(CheckTookLong), within(0.2):
        check(XML, syntax="cii")
    assert checking._children == []
    with checking._lock, pytest.raises(CheckTookLong, match="Other documents"), within(0.2):
        check(XML, syntax="cii")


@pytest.mark.usefixtures("own_child")
def test_one_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "COMMAND", ("/nowhere/python",))
    with pytest.raises(CheckUnavailable, match="could not be started"):
        check(XML, syntax="cii")


@pytest.mark.usefixtures("own_child")
def test_what_is_no_xml_is_a_fault_of_the_document_alone() -> None:
    assert [problem.rule for problem in check(b"<a>", syntax="cii")] == ["XML"]
    assert check(XML, syntax="cii") == []


@pytest.mark.usefixtures("own_child")
def test_threads_take_turns() -> None:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(check(XML, syntax="cii"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[]] * 4


@pytest.mark.usefixtures("own_child")
def test_an_answer_that_nobody_waited_for_is_not_that_of_the_next_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(child: checking._Child, request: bytes) -> bytes:
        child._requests.write(request)
        child._requests.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checking._Child, "_line", interrupted)
        with pytest.raises(KeyboardInterrupt):
            check(XML, syntax="cii")
    assert [problem.rule for problem in check(b"<a>", syntax="cii")] == ["XML"]


def asked_alone(findings: str) -> "subprocess.CompletedProcess[bytes]":
    """The child without a parent that would end it, with other findings."""
    change = f"checker._HUNG_SECONDS = 1; checker.Checker.findings = {findings}"
    source = f"from billing.documents import checker; {change}; checker.main()"
    return subprocess.run(
        [sys.executable, "-c", source],
        input=b'{"syntax": "cii", "length": 4}\n<a/>',
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_one_that_hangs_without_its_parent_ends_itself() -> None:
    assert asked_alone("lambda *_: __import__('time').sleep(60)").returncode == 1


def test_what_a_library_prints_is_no_answer() -> None:
    assert asked_alone("lambda *_: print('Careful!') or []").stdout == b"[]\n"
