"""What a restored database has lost beside charges: numbers that Stripe never heard of, files, mails, refunds alone."""

import math
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as given_settings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from billing import restore, settlement
from billing.documents import make
from billing.models import CreditNote, Difference, Document, Invoice, Refund, RestoreGuard
from billing.reconciliation import ends
from customers.mail import delivery
from customers.mail import outbox as mails
from customers.models import Mail
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import sweep
from tests.ecommerce.test_restore import command, dumps, impatient, lost_charge
from tests.support.dump import Dump
from tests.support.factories import ANA, make_customer, place_order
from tests.support.order_acts import free, fresh, paid, refused, settle
from tests.support.sellers import a_seller

__all__ = ["dumps", "impatient"]
pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**given_settings.STORAGES, "exports": kept}
    return tmp_path


def free_again() -> Order:
    return paid(coupon_code="FREE", token="", customer=make_customer(f"eve{Order.objects.count()}@example.com"))


def as_restored_disk() -> None:
    """Have the rows and their addresses be those of the original, on a server that was started since."""
    restore.clear()
    RestoreGuard.objects.filter(pk=RestoreGuard.STATE).update(server_started="", restored_at=None)


def test_numbers_that_stripe_never_heard_of_are_not_given_twice(
    empty_stripe: FakeStripeServer, dumps: list[Dump], folder: Path
) -> None:
    a_seller(invoice_prefix="A-", credit_note_prefix="BA-", year_in_numbers=True)
    back = paid()
    free()
    make.make_due(until=math.inf)
    kept = set(folder.rglob("*.pdf"))
    dumps.append(Dump())

    refund(order_id=back.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(back)
    lost = [free_again() for _ in range(3)]
    make.make_due(until=math.inf)
    orders = set(Order.objects.values_list("pk", flat=True)) | set(Order.objects.values_list("number", flat=True))
    numbers = {*Invoice.objects.values_list("number", flat=True), *CreditNote.objects.values_list("number", flat=True)}
    documents = {path: path.read_bytes() for path in folder.rglob("*.pdf")}
    assert len(documents) == len(kept) + 4
    dumps[0].restore()
    min(kept).unlink()

    status, said = command("after_restore")
    assert status == 0, said
    for order in lost:
        assert order.invoice
        assert f"Issued, and not here: {order.invoice.number}, documents/" in said
    # The one that was given back is here again, with its number or a later one.
    assert f"Not in the storage: {min(kept).relative_to(folder)}. Put it back" in said
    assert said.count("Not in the storage") == 1
    new = free_again()
    refund(order_id=back.pk, request=RefundRequest(amount=200), reason="", by=ANA, at=NOW())
    settle(back)
    assert new.invoice
    assert not {new.pk, new.number} & orders
    assert new.invoice.number not in numbers
    assert CreditNote.objects.latest("pk").number not in numbers
    make.make_due(until=math.inf)
    assert Document.objects.exclude(status=Document.Status.ISSUED).count() == 0
    # None of what was issued is changed or taken over.
    assert {path: path.read_bytes() for path in documents if path.exists()} == {
        path: content for path, content in documents.items() if path != min(kept)
    }
    assert CreditNote.objects.filter(refund__payment__invoice__order=back).count() == 2


def test_a_restored_disk_that_lost_refunds_alone_is_noticed(empty_stripe: FakeStripeServer, dumps: list[Dump]) -> None:
    part = paid()
    dumps.append(Dump())
    refund(order_id=part.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(part)
    note = CreditNote.objects.select_related("refund").get()
    dumps[0].restore()
    as_restored_disk()

    sweep()
    assert restore.is_blocked()
    assert str(note.refund.stripe_refund_id) in RestoreGuard.objects.get(pk=RestoreGuard.STATE).reason
    with refused("payments_unavailable"):
        place_order()
    assert command("after_restore")[0] == 0
    assert fresh(part).amount_refunded == 300
    assert CreditNote.objects.get().number != note.number


def test_what_a_restored_disk_never_sent_is_looked_up_first(empty_stripe: FakeStripeServer, dumps: list[Dump]) -> None:
    canceling = paid()
    cancel(order_id=canceling.pk, reason="", by=ANA, at=NOW())
    dumps.append(Dump())
    settle(canceling)
    dumps[0].restore()
    as_restored_disk()

    (leased,) = settlement.claim_operations(Refund.objects.all())
    assert (leased.attempts, leased.first_sent_at) == (2, leased.requested_at)
    Refund.objects.update(attempts=0, first_sent_at=None, next_attempt_at=NOW())
    # Stripe has it, and no row says that it was sent: that alone is a sign.
    sweep()
    assert restore.is_blocked()
    assert command("after_restore")[0] == 0
    assert fresh(canceling).status == "canceled"
    assert len(empty_stripe.ledger()["refunds"]) == 1


def test_another_difference_with_an_id_from_before_is_refunded(empty_stripe: FakeStripeServer) -> None:
    for amount in (700, 800):
        lost_charge(place_order(token="pm_card_chargeDeclined"), amount=amount)
        assert command("reconcile")[0] == 1
        listed = Difference.objects.get(resolved_at=None)
        ends.refund_charge(difference=listed, note="", by="Ana", at=NOW())
        number = listed.pk
        listed.delete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('billing_difference_id_seq', %s, false)", [number])
    assert sorted(each["amount"] for each in empty_stripe.ledger()["refunds"]) == [700, 800]


def test_mails_wait_for_the_end_of_a_restore_and_may_be_kept(empty_stripe: FakeStripeServer) -> None:
    for subject in ("One", "Two"):
        mails.write(EmailMessage(subject, "Hello", None, ["ada@example.com"]), kind=Mail.Kind.OTHER)
    restore.block(reason="A copy.")
    assert not delivery.waiting()
    delivery.send_due(until=math.inf)
    assert mail.outbox == []

    assert "2 mails and 0 webhooks wait" in command("after_restore")[1]
    assert delivery.waiting()
    said = command("after_restore", "--keep-mails")[1]
    assert "2 mails that wait are kept here" in said
    assert "webhooks wait" not in said
    delivery.send_due(until=math.inf)
    assert mail.outbox == []
    mails.send_again(list(Mail.objects.values_list("pk", flat=True)[:1]))
    delivery.send_due(until=math.inf)
    assert [each.subject for each in mail.outbox] == ["One"]
