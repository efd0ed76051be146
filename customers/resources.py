"""The columns of a file of customers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.imports.importer import Importer
from backoffice.imports.plan import Change, Problem
from backoffice.imports.values import TextColumn, YesNoColumn
from customers.emails import email_key
from customers.models import Customer
from customers.tax_ids import check


def _column(name: str, title: Any) -> TextColumn:
    return TextColumn(name, title, field=Customer._meta.get_field(name))  # noqa: SLF001 - Django's public Meta API


class TaxIdColumn(TextColumn):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        return check(super().parse(cell, row)).text


class CustomerResource(Importer):
    model, key = Customer, "email"
    columns = (
        _column("email", _("E-mail")),
        _column("first_name", _("First name")),
        _column("last_name", _("Last name")),
        _column("phone", _("Phone")),
        TaxIdColumn("tax_id", _("Tax id"), field=Customer._meta.get_field("tax_id")),  # noqa: SLF001 - as above
        YesNoColumn("tax_exempt", _("Exempt from tax")),
        _column("tax_exempt_reason", _("Why exempt")),
    )

    def same(self, values: Any) -> str:
        return email_key(str(values.get("email", "")))

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        keys = [self.same(row) for row in rows]
        stored = {each.email_key: each for each in Customer.objects.filter(email_key__in=keys)}
        return {index: stored.get(key) for index, key in enumerate(keys)}

    def apply(self, changes: Sequence[Change]) -> tuple[list[Model], list[Model], list[Problem]]:
        # Who checked a tax id goes with it: the database refuses one of the two without the other.
        of_tax_ids = [each.pk for each in changes if each.pk and any(value.name == "tax_id" for value in each.values)]
        Customer.objects.filter(pk__in=of_tax_ids).update(tax_id_checked_by="", tax_id_checked_at=None)
        new, changed, problems = super().apply(changes)
        self._keep_checks(new, of_tax_ids)
        Customer.objects.filter(pk__in=[each.pk for each in (*new, *changed)]).update(profile_by_staff=True)
        return new, changed, problems

    @staticmethod
    def _keep_checks(new: Sequence[Model], changed: Sequence[int]) -> None:
        ids = [*(each.pk for each in new), *changed]
        written = list(Customer.objects.filter(pk__in=ids).exclude(tax_id="").only("tax_id"))
        for customer in written:
            checked_by = check(customer.tax_id).checked_by
            customer.tax_id_checked_by, customer.tax_id_checked_at = checked_by, Now() if checked_by else None
        Customer.objects.bulk_update(written, ["tax_id_checked_by", "tax_id_checked_at"], batch_size=500)

    def rule(self, values: Mapping[str, Any], stored: Any) -> Iterator[tuple[str, str]]:
        exempt = values.get("tax_exempt", stored.tax_exempt if stored else False)
        reason = values.get("tax_exempt_reason", stored.tax_exempt_reason if stored else "")
        if exempt and not reason:
            yield "tax_exempt_reason", gettext("Say why the customer is exempt: invoices have to name the reason.")
        if reason and not exempt:
            yield "tax_exempt_reason", gettext("Leave it empty, or write yes under tax_exempt.")
