"""The columns of a file of customers."""

from typing import Any

from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from backoffice.imports.importer import Importer
from backoffice.imports.values import TextColumn
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
        return str(values.get("email", "")).lower()

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        wanted = [self.same(row) for row in rows]
        lowered = Customer.objects.alias(lowered=Lower("email")).filter(lowered__in=wanted)
        stored = {each.email.lower(): each for each in lowered}
        return {index: stored.get(email) for index, email in enumerate(wanted)}
