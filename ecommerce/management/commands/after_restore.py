"""`manage.py after_restore`: compare a restored database with Stripe, and let orders be placed again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from backoffice import database_clock
from billing import gateway, restore
from billing.management.commands.reconcile import run_to_the_end
from billing.reconciliation import lost
from billing.reconciliation import run as reconciliation_run
from ecommerce.orders.doubt import last_order_number, move_order_numbers


class Command(BaseCommand):
    help = (
        "After a backup was restored: move the numbers of orders, invoices and credit notes past those at Stripe, "
        "cancel payments there that nobody here waits for, adopt charges, and let orders be placed again. Exits 1 if "
        "differences are left, which reconcile lists too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        # What was free, or settled outside Stripe, left no number there.
        parser.add_argument("--orders-past", type=int, default=0, help="the highest order number known to be issued")
        parser.add_argument("--invoices-past", type=int, default=0, help="the same of invoices, without INV-")
        parser.add_argument("--credit-notes-past", type=int, default=0, help="the same of credit notes, without CN-")

    def handle(self, *_args: Any, **options: Any) -> None:
        # Held until the end: had it not been noticed by itself, orders would be placed meanwhile.
        restore.block(reason="manage.py after_restore is at work.")
        try:
            canceled, notes = lost.cancel_open_intents(), lost.count_lost_refunds()
        except gateway.GatewayError as error:
            raise CommandError(f"Stripe could not be asked: {error.message} Run it again.", returncode=2) from error
        restore.skip_numbers("credit_note", notes)
        restore.move_counter("invoice", past=options["invoices_past"])
        restore.move_counter("credit_note", past=options["credit_notes_past"])
        move_order_numbers(past=options["orders_past"])
        restore.doubt_open_operations()
        run = run_to_the_end(reconciliation_run.start_whole())
        restore.clear()
        self.stdout.write(
            f"{canceled} payments canceled at Stripe; the next order is {last_order_number() + 1}, {notes} numbers of "
            f"credit notes are left out, the highest invoice at Stripe is {run.highest_invoice}. "
            "Orders can be placed again."
        )
        call_command("reconcile", since=database_clock.now(), stdout=self.stdout)
