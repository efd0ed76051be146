"""Files of rows: which columns they have, what of them a spreadsheet could run, and what is refused."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource

from customers.models import Customer

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
MOST_ROWS = 1_000
"""A preview takes some 5 ms a row, within one request."""


def neutral(text: str) -> str:
    """Write a text so that a spreadsheet shows it instead of running it."""
    return f"'{text}" if text.startswith(RUN_BY_SPREADSHEETS) else text


def meant(cell: str) -> str:
    """Read a text back as it was before `neutral`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(RUN_BY_SPREADSHEETS) else cell


class FileResource(ModelResource):  # type: ignore[misc]
    """A file of one model's rows. Rows that exist are found by `import_id_fields`; a column left out stays as it is."""

    numbers: tuple[str, ...] = ()
    columns: Sequence[str] = ()

    class Meta:
        use_transactions = True
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True

    def before_import(self, dataset: Any, **options: Any) -> None:
        """Refuse what is not this kind of file, before any row is read."""
        dataset.headers = headers = [str(header or "").strip() for header in dataset.headers or []]
        refusal = self._refusal(headers, len(dataset))
        if refusal:
            dataset.wipe()  # else the library would go through all the rows all the same
            raise ValueError(refusal)
        fields = [field for field in self.get_import_fields() if field.column_name in headers]
        self.columns = [field.attribute for field in fields if field.attribute != "id"]

    def _refusal(self, headers: list[str], rows: int) -> str:
        known = [field.column_name for field in self.get_import_fields()]
        for header in headers:
            if header not in known:
                sentence = gettext("The column “%(unknown)s” is not known; the columns are %(known)s.")
                return sentence % {"unknown": header, "known": ", ".join(known)}
        for needed in self.get_import_id_fields():
            if needed not in {"id", *headers}:
                return gettext("The file has no column “%(needed)s”, by which rows are found.") % {"needed": needed}
        if rows > MOST_ROWS:
            sentence = gettext("The file has %(rows)d rows; split it into files of %(most)d at most.")
            return sentence % {"rows": rows, "most": MOST_ROWS}
        return ""

    def before_import_row(self, row: dict[str, Any], **options: Any) -> None:
        """Read each cell as it was meant."""
        for name, cell in row.items():
            row[name] = meant(cell.strip()) if isinstance(cell, str) else cell

    def do_instance_save(self, instance: Model, is_create: bool) -> None:  # noqa: FBT001 - the library's signature
        """Write the file's columns and no others: acts may be writing those meanwhile."""
        instance.save(force_insert=is_create, update_fields=None if is_create else self.columns)

    def lines(self, rows: QuerySet[Any]) -> Iterator[str]:
        """Write the file, line by line."""
        writer = csv.writer(_Echo())
        fields = self.get_export_fields()
        yield writer.writerow([field.column_name for field in fields])
        for row in rows.iterator(chunk_size=2000):
            yield writer.writerow([self._cell(field, row) for field in fields])

    def _cell(self, field: Any, row: Any) -> str:
        text = str(self.export_field(field, row) or "")
        return text if field.column_name in self.numbers else neutral(text)


class _Echo:
    """What a csv.writer writes to, so that it hands each line back."""

    def write(self, line: str) -> str:
        return line


class CustomerResource(FileResource):
    """Customers, found by their e-mail whatever the case of its letters."""

    class Meta(FileResource.Meta):
        model = Customer
        fields = ("email", "first_name", "last_name", "phone")
        import_id_fields = ("email",)
        name = _("Customers")

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Customer | None:
        """Find the customer."""
        return Customer.objects.with_email(str(row.get("email") or "")).first()
