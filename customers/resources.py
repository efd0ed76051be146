"""The columns of a file of customers."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from backoffice.imports.importer import Importer
from backoffice.imports.plan import Change, Problem
from backoffice.imports.values import TextColumn
from customers.emails import email_key
from customers.models import Customer


def _column(name: str, title: Any) -> TextColumn:
    return TextColumn(name, title, field=Customer._meta.get_field(name))  # noqa: SLF001 - Django's public Meta API


class CustomerResource(Importer):
    model, key = Customer, "email"
    columns = (
        _column("email", _("E-mail")),
        _column("first_name", _("First name")),
        _column("last_name", _("Last name")),
        _column("phone", _("Phone")),
    )

    def same(self, values: Any) -> str:
        return email_key(str(values.get("email", "")))

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        keys = [self.same(row) for row in rows]
        stored = {each.email_key: each for each in Customer.objects.filter(email_key__in=keys)}
        return {index: stored.get(key) for index, key in enumerate(keys)}

    def apply(self, changes: Sequence[Change]) -> tuple[list[Model], list[Model], list[Problem]]:
        new, changed, problems = super().apply(changes)
        Customer.objects.filter(pk__in=[each.pk for each in (*new, *changed)]).update(profile_by_staff=True)
        return new, changed, problems
