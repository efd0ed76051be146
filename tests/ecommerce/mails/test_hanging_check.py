"""A program that checks invoices and hangs: it makes its own mail late, and no other."""

import math
import sys
import time
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.core.mail import send_mail
from django.db.models.functions import Now

from billing.documents import check as checking
from billing.documents import make
from billing.models import Document
from customers.models import Mail
from ecommerce.mails import files
from tests.support.factories import make_sku
from tests.support.mailbox import deliver
from tests.support.order_acts import paid_lines
from tests.support.sellers import a_seller

pytestmark = pytest.mark.django_db
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(autouse=True)
def _own_child(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(checking, "_children", [])
    cache.delete(files.LATE)
    yield
    cache.delete(files.LATE)
    for child in checking._children:
        child.end()


def sent() -> tuple[list[str], float]:
    """Deliver what is due; give the subjects of all that was ever sent, and the seconds it took."""
    started = time.monotonic()
    return [str(each.subject) for each in deliver()], time.monotonic() - started


def test_other_mails_leave_while_a_check_hangs_and_its_own_once_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    a_seller()
    monkeypatch.setattr(files, "CHECK_SECONDS", 1)
    book = make_sku("BOOK", currency="eur", shippable=True)
    paid_lines((book, 1))
    with monkeypatch.context() as patch:
        patch.setattr(checking, "COMMAND", HANGS)
        send_mail("Another", "x", None, ["eve@example.com"])
        subjects, seconds = sent()
        assert subjects == ["Another"]
        assert 1 <= seconds < 3

        paid_lines((book, 1))
        send_mail("One more", "x", None, ["eve@example.com"])
        subjects, seconds = sent()
        assert subjects == ["Another", "One more"]
        assert seconds < 1  # nobody waits for it again
    waiting = Document.objects.filter(status="queued")
    assert [each.attempts for each in waiting] == [0, 0]

    assert make.make_due(until=math.inf) is False
    Mail.objects.filter(status="queued").update(next_attempt_at=Now())
    subjects, _seconds = sent()
    assert len(subjects) == 4
    assert all(Document.objects.get(pk=each.pk).status == "issued" for each in waiting)


def test_a_mail_brings_its_document_at_once_where_the_check_answers() -> None:
    a_seller()
    order = paid_lines((make_sku("BOOK", currency="eur", shippable=True), 1))
    assert len(sent()[0]) == 1
    assert Document.objects.get(invoice=order.invoice).status == "issued"
    assert cache.get(files.LATE) is None
