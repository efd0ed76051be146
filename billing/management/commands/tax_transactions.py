"""`manage.py tax_transactions`: what Stripe Tax has not recorded, and is not sent by itself any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _

from billing import gateway, tax_transactions
from billing.models import TaxTransaction


class Command(BaseCommand):
    """A person's word on tax transactions that wait for one."""

    help = "lists the tax transactions that wait for a person; sends one again, or takes the one that Stripe has"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", nargs="?", help="of one of them, as listed")
        parser.add_argument("--send-again", action="store_true", help="have it recorded; Stripe refuses what it has")
        parser.add_argument("--adopt", metavar="TAX_ID", help="Stripe's id (tax_…) of the one with this reference")

    def handle(self, *_args: object, **options: Any) -> None:
        if not options["reference"]:
            self._list()
            return
        row = TaxTransaction.objects.filter(reference=options["reference"]).first()
        if row is None:
            raise CommandError(_("There is no tax transaction %(reference)s.") % options)
        if options["adopt"]:
            self._adopt(row, options["adopt"])
        elif options["send_again"]:
            self._send_again(row)
        else:
            self._print(row)

    def _list(self) -> None:
        waiting = list(tax_transactions.waiting_for_a_person())
        for row in waiting:
            self._print(row)
        self.stdout.write(_("%(count)d wait for a person.") % {"count": len(waiting)})

    def _print(self, row: TaxTransaction) -> None:
        said = row.attention or row.get_status_display()
        self.stdout.write(f"{row.reference}  {_('order')} {row.invoice.reference}  {row.get_kind_display()}  {said}")

    def _adopt(self, row: TaxTransaction, stripe_id: str) -> None:
        try:
            tax_transactions.adopt(tax_transaction_id=row.pk, stripe_id=stripe_id)
        except tax_transactions.AdoptRefused as error:
            raise CommandError(str(error)) from error
        except gateway.GatewayError as error:
            raise CommandError(_("Stripe could not be asked: %(why)s") % {"why": error.message}) from error
        self.stdout.write(_("%(reference)s is %(id)s at Stripe.") % {"reference": row.reference, "id": stripe_id})

    def _send_again(self, row: TaxTransaction) -> None:
        if not tax_transactions.send_again(tax_transaction_id=row.pk):
            raise CommandError(_("%(reference)s is recorded, or is tried by itself.") % {"reference": row.reference})
        self.stdout.write(_("%(reference)s is sent within a minute.") % {"reference": row.reference})
