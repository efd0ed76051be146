"""CSV files of one model's rows: the columns they have, formulas escaped, and what an import refuses."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext
from import_export.resources import ModelResource

from backoffice.spreadsheets import escape_formula, unescape_formula

MAX_ROWS = 1_000  # a preview takes some 5 ms a row, within one request


class CsvResource(ModelResource):  # type: ignore[misc]
    """Rows that exist are found by `import_id_fields`; a column left out of the file stays as it is.

    `numbers` names the columns whose cells are written unescaped: a minus sign begins no formula there.
    """

    numbers: tuple[str, ...] = ()
    columns: Sequence[str] = ()

    class Meta:
        use_transactions = True
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True

    def before_import(self, dataset: Any, **options: Any) -> None:
        dataset.headers = headers = [str(header or "").strip() for header in dataset.headers or []]
        error = self._file_error(headers, len(dataset))
        if error:
            dataset.wipe()  # else the library would go through all the rows all the same
            raise ValueError(error)
        fields = [field for field in self.get_import_fields() if field.column_name in headers]
        self.columns = [field.attribute for field in fields if field.attribute != "id"]

    def _file_error(self, headers: list[str], rows: int) -> str:
        known = [field.column_name for field in self.get_import_fields()]
        for header in headers:
            if header not in known:
                sentence = gettext("The column “%(unknown)s” is not known; the columns are %(known)s.")
                return sentence % {"unknown": header, "known": ", ".join(known)}
        for needed in self.get_import_id_fields():
            if needed not in {"id", *headers}:
                return gettext("The file has no column “%(needed)s”, by which rows are found.") % {"needed": needed}
        if rows > MAX_ROWS:
            sentence = gettext("The file has %(rows)d rows; split it into files of %(most)d at most.")
            return sentence % {"rows": rows, "most": MAX_ROWS}
        return ""

    def before_import_row(self, row: dict[str, Any], **options: Any) -> None:
        for name, cell in row.items():
            row[name] = unescape_formula(cell.strip()) if isinstance(cell, str) else cell

    def do_instance_save(self, instance: Model, is_create: bool) -> None:  # noqa: FBT001 - the library's signature
        # The file's columns and no others: acts may be writing those meanwhile.
        instance.save(force_insert=is_create, update_fields=None if is_create else self.columns)

    def lines(self, rows: QuerySet[Any]) -> Iterator[str]:
        writer = csv.writer(_Echo())
        fields = self.get_export_fields()
        yield writer.writerow([field.column_name for field in fields])
        for row in rows.iterator(chunk_size=2000):
            yield writer.writerow([self._cell(field, row) for field in fields])

    def _cell(self, field: Any, row: Any) -> str:
        text = str(self.export_field(field, row) or "")
        return text if field.column_name in self.numbers else escape_formula(text)


class _Echo:
    """Makes `csv.writer.writerow` return the line."""

    def write(self, line: str) -> str:
        return line
