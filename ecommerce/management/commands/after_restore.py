"""`manage.py after_restore`: compare a restored database with Stripe, and let orders be placed again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from backoffice import database_clock
from backoffice.file_storage import StorageUnavailable
from billing import gateway, restore
from billing.documents import stored
from billing.management.commands.reconcile import run_to_the_end
from billing.reconciliation import lost
from billing.reconciliation import run as reconciliation_run
from customers.mail import delivery
from customers.models import Mail
from ecommerce.models import WebhookDelivery
from ecommerce.orders import doubt

LISTED = 100  # files, of each kind


class Command(BaseCommand):
    help = (
        "After a backup was restored: move the numbers of orders, invoices, credit notes and returns past those that "
        "were issued, cancel payments at Stripe that nobody here waits for, adopt charges, and let orders be placed "
        "again. Exits 1 if differences are left, which reconcile lists too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        # What was free, or settled outside Stripe, left no number there.
        parser.add_argument("--orders-past", type=int, default=0, help="the highest order number known to be issued")
        parser.add_argument("--invoices-past", type=int, default=0, help="the same of invoices, without INV-")
        parser.add_argument("--credit-notes-past", type=int, default=0, help="the same of credit notes, without CN-")
        parser.add_argument(
            "--keep-mails",
            action="store_true",
            help="send none of the mails that wait, as they may have been sent before; staff can send them again",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        # Held until the end: had it not been noticed by itself, orders would be placed meanwhile.
        restore.block(reason="manage.py after_restore is at work.")
        try:
            canceled, notes, files = lost.cancel_open_intents(), lost.count_lost_refunds(), stored.compare()
        except gateway.GatewayError as error:
            raise CommandError(f"Stripe could not be asked: {error.message} Run it again.", returncode=2) from error
        except StorageUnavailable as error:
            raise CommandError(f"{error} Then run it again.", returncode=2) from error
        restore.skip_ids()
        restore.skip_numbers("credit_note", notes)
        restore.move_counter("invoice", past=max(options["invoices_past"], files.highest("invoice")))
        restore.move_counter("credit_note", past=max(options["credit_notes_past"], files.highest("credit_note")))
        doubt.move_order_numbers(past=options["orders_past"])
        restore.doubt_open_operations()
        run = run_to_the_end(reconciliation_run.start_whole())
        doubt.skip_order_and_return_numbers()
        kept = delivery.keep_queued() if options["keep_mails"] else 0
        self._report_files(files)
        self._report_waiting(kept)
        restore.clear()
        self.stdout.write(
            f"{canceled} payments canceled at Stripe; the next order is {doubt.last_order_number() + 1}, {notes} "
            f"numbers of credit notes are left out, the highest invoice at Stripe is {run.highest_invoice}. "
            "Orders can be placed again."
        )
        call_command("reconcile", since=database_clock.now(), stdout=self.stdout)

    def _report_files(self, files: stored.Comparison) -> None:
        for document in files.lost[:LISTED]:
            self.stdout.write(f"Issued, and not here: {document.number or 'a document'}, {document.file}")
        for name in files.missing[:LISTED]:
            self.stdout.write(f"Not in the storage: {name}. Put it back from a backup.")
        if files.lost or files.missing:
            self.stdout.write(
                f"{len(files.lost)} files of invoices and credit notes are of rows that are lost, {len(files.missing)} "
                "are missing."
            )

    def _report_waiting(self, kept: int) -> None:
        mails = Mail.objects.filter(status=Mail.Status.QUEUED).count()
        events = WebhookDelivery.objects.filter(status=WebhookDelivery.Status.QUEUED).count()
        if kept:
            self.stdout.write(f"{kept} mails that wait are kept here: staff send them again under Customers > Mail.")
        if mails or events:
            self.stdout.write(
                f"{mails} mails and {events} webhooks wait, and leave once a worker runs. They may have been sent "
                "before the restore."
            )
