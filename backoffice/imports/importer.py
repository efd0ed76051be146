"""From a sheet to a plan, and from a plan to rows. Both look things up for all rows at once."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from backoffice.imports.plan import Change, Plan, Problem, Value
from backoffice.imports.sheets import Sheet, UnreadableFile, is_blank, read_sheet
from backoffice.imports.values import Column, quoted

Row = Mapping[str, Any]
SHOWN = 200  # changes of a plan that have their values in words


def folded(text: str) -> str:
    """Codes and names are the same in any case, width and number of blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _header_key(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


class Importer:
    """Rows are found by the column `key`; a column that the file doesn't have stays as it is.

    `differences` are columns to which what changed is added, whatever happened to them since the preview.
    """

    model: type[Model]
    key: str
    columns: tuple[Column, ...]
    needed_for_new: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.by_name = {column.name: column for column in self.columns}
        self._by_header = {
            _header_key(text): column for column in self.columns for text in (str(column.title), column.name)
        }

    # What the models' own importers say.

    def attribute(self, name: str) -> str:
        return name

    def prepare(self, rows: list[Row]) -> None:
        """Look up what `parse` of the columns needs, for all rows at once."""

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Model | str | None]:
        """The stored object of each row, by the index of the row; a sentence where it can't be told which."""
        raise NotImplementedError

    def same(self, values: Row) -> str:
        """What must not be twice in a file: the key, folded; empty where the row can't be twice."""
        return folded(str(values.get(self.key, "")))

    def rule(self, values: Row, stored: Any) -> Iterator[tuple[str, str]]:
        """Column and sentence of what speaks against a row as a whole."""
        yield from ()

    def conflicts(self, changes: Sequence[Change], objects: Mapping[int, Any]) -> Iterator[tuple[Change, str]]:
        """What speaks against changes as the locked rows are now."""
        yield from ()

    # The plan.

    def read(self, data: bytes) -> Plan:
        try:
            sheet = read_sheet(data, lambda header: _header_key(header) in self._by_header)
        except UnreadableFile as error:
            return Plan(problems=[Problem(0, "", "", str(error))])
        problems = list(self._header_problems(sheet.headers))
        return Plan(problems=problems) if problems else self._plan(sheet)

    def _header_problems(self, headers: list[str]) -> Iterator[Problem]:
        known = ", ".join(self.by_name)
        seen: set[str] = set()
        for header in headers:
            column = self._by_header.get(_header_key(header))
            if column is None:
                sentence = _("The column “%(unknown)s” is not known; the columns are %(known)s.")
                yield Problem(0, header, "", sentence % {"unknown": quoted(header), "known": known})
            elif column.name in seen:
                yield Problem(0, header, "", _("The column “%(name)s” is there twice.") % {"name": column.name})
            else:
                seen.add(column.name)
        if not seen & {self.key, *self.also_found_by}:
            sentence = _("The file has no column “%(needed)s”, by which rows are found.")
            yield Problem(0, "", "", sentence % {"needed": self.key})

    also_found_by: tuple[str, ...] = ()

    def _plan(self, sheet: Sheet) -> Plan:
        plan = Plan(notes=sheet.notes)
        names = [self._by_header[_header_key(header)].name for header in sheet.headers]
        self.given = frozenset(names)
        raw = self._full_rows(sheet, names, plan)
        self.comma_file = sheet.delimiter == ";"
        self.prepare([row for _number, row in raw])
        parsed = [(number, self._parse(number, row, plan)) for number, row in raw]
        self._refuse_twice(parsed, plan)
        found = self.find([values for _number, values in parsed])
        for index, (number, values) in enumerate(parsed):
            self._add(plan, number, values, found.get(index))
        plan.problems.sort(key=lambda problem: problem.row)
        return plan

    comma_file = False
    given: frozenset[str] = frozenset()

    @staticmethod
    def _full_rows(sheet: Sheet, names: list[str], plan: Plan) -> list[tuple[int, Row]]:
        rows: list[tuple[int, Row]] = []
        for number, cells in sheet.rows:
            if len(cells) < len(names):
                sentence = _("The row has %(cells)d cells and the header %(names)d: none may be left out.")
                plan.problems.append(Problem(number, "", "", sentence % {"cells": len(cells), "names": len(names)}))
            else:
                rows.append((number, dict(zip(names, cells, strict=True))))
        return rows

    def _parse(self, number: int, row: Row, plan: Plan) -> dict[str, Any]:
        values = {}
        for name, cell in row.items():
            try:
                values[name] = self.by_name[name].check(cell, row)
            except ValueError as error:
                shown = "" if is_blank(cell) else quoted(getattr(cell, "text", getattr(cell, "shown", cell)))
                plan.problems.append(Problem(number, name, shown, str(error)))
        return values

    def _refuse_twice(self, parsed: Iterable[tuple[int, Row]], plan: Plan) -> None:
        numbers = defaultdict(list)
        for number, values in parsed:
            if self.key in values or self.also_found_by:
                numbers[self.same(values)].append((number, values))
        for same, rows in numbers.items():
            if same and len(rows) > 1:
                listed = ", ".join(str(number) for number, _values in rows)
                sentence = _("Rows %(rows)s are the same %(what)s; leave one of them.")
                for number, values in rows:
                    cell = str(values.get(self.key) or same)
                    words = sentence % {"rows": listed, "what": self.model._meta.verbose_name}  # noqa: SLF001 - public
                    plan.problems.append(Problem(number, self.key, cell, words))

    def _add(self, plan: Plan, number: int, values: dict[str, Any], stored: Any) -> None:
        against = [(self.key, stored)] if isinstance(stored, str) else list(self._against(values, stored))
        plan.problems += [Problem(number, name, str(values.get(name, "")), text) for name, text in against]
        if against or isinstance(stored, str):
            return
        before = {each.name: getattr(stored, self.attribute(each.name)) for each in self.columns} if stored else {}
        changed = [
            Value(name, before.get(name), new, "", "")
            for name, new in values.items()
            # The key was matched without case, and stays as it is stored.
            if stored is None or (before[name] != new and name != self.key)
        ]
        if len(plan.changes) < SHOWN:
            changed = [self._with_words(value, before, values) for value in changed]
        if changed or stored is None:
            plan.changes.append(Change(number, stored.pk if stored else None, self.label(values, stored), changed))
        else:
            plan.unchanged += 1

    def _against(self, values: Row, stored: Any) -> Iterator[tuple[str, str]]:
        if stored is None:
            for name in self.needed_for_new:
                if name not in self.given:
                    yield name, _("A new one needs %(name)s.") % {"name": name}
        yield from self.rule(values, stored)

    def label(self, values: Row, stored: Any) -> str:
        return str(values.get(self.key) or stored)

    def _with_words(self, value: Value, before: Row, values: Row) -> Value:
        column = self.by_name[value.name]
        old = column.show(value.old, before) if before else ""
        return replace(value, old_shown=old, new_shown=column.show(value.new, {**before, **values}))

    # Files out.

    def prepare_export(self) -> None:
        """Look up what the columns need, for all rows at once."""

    def export_rows(self, rows: QuerySet[Any]) -> Iterator[list[Any]]:
        self.prepare_export()
        for stored in rows.iterator(chunk_size=2000):
            values = {column.name: getattr(stored, self.attribute(column.name)) for column in self.columns}
            yield [column.export(values[column.name], values) for column in self.columns]

    # The rows.

    def apply(self, changes: Sequence[Change]) -> tuple[list[Model], list[Model], list[Problem]]:
        """Write what the preview showed, within the caller's transaction: the new, the changed, and the refused.

        A row that was changed since the preview is refused.
        """
        locked = self.locked([change.pk for change in changes if change.pk is not None])
        refused = {id(change): sentence for change, sentence in self.conflicts(changes, locked)}
        new: list[tuple[Change, Model]] = []
        names: set[str] = set()
        changed, problems = [], []
        for change in changes:
            sentence = refused.get(id(change)) or self._changed_meanwhile(change, locked)
            if sentence:
                problems.append(Problem(change.row, "", change.label, sentence))
            elif change.pk is None:
                made = self.model(**{self.attribute(value.name): value.new for value in change.values})
                new.append((change, made))
            else:
                changed.append(self._set(locked[change.pk], change))
                names.update(value.name for value in change.values)
        problems += self._create(new)
        if changed:
            columns = {each.attname: each.name for each in self.model._meta.concrete_fields}  # noqa: SLF001 - public
            fields = [columns[self.attribute(name)] for name in names]
            # They exist and are locked: PostgreSQL updates them by one statement, ten times as fast as bulk_update.
            self.manager.bulk_create(
                changed, update_conflicts=True, unique_fields=["id"], update_fields=fields, batch_size=500
            )
        return [made for _change, made in new if made.pk], changed, problems

    @property
    def manager(self) -> Any:
        return self.model._default_manager  # noqa: SLF001 - Django's public API

    def locked(self, ids: Sequence[int]) -> dict[int, Any]:
        rows: QuerySet[Any] = self.manager.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
        return {each.pk: each for each in rows}

    def _changed_meanwhile(self, change: Change, locked: Mapping[int, Any]) -> str:
        if change.pk is None:
            return ""
        stored = locked.get(change.pk)
        if stored is None:
            return _("It was deleted since the preview.")
        for value in change.values:
            now = getattr(stored, self.attribute(value.name))
            if now != value.old and value.name not in self.differences:
                shown = self.by_name[value.name].show(now, vars(stored))
                sentence = _("%(name)s was “%(old)s” in the preview and is “%(now)s” by now.")
                was = self.by_name[value.name].show(value.old, vars(stored))
                return sentence % {"name": value.name, "old": was, "now": shown}
        return ""

    def _set(self, stored: Any, change: Change) -> Any:
        for value in change.values:
            attribute, new = self.attribute(value.name), value.new
            if value.name in self.differences:
                new = max(getattr(stored, attribute) + value.new - value.old, 0)
            setattr(stored, attribute, new)
        return stored

    def _create(self, new: Sequence[tuple[Change, Model]]) -> list[Problem]:
        """Where one of them was made by somebody else, the others are made one by one."""
        try:
            with transaction.atomic():
                self.manager.bulk_create([made for _change, made in new], batch_size=500)
        except IntegrityError:
            return [problem for change, made in new if (problem := self._create_one(change, made))]
        return []

    @staticmethod
    def _create_one(change: Change, made: Model) -> Problem | None:
        made.pk = None
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            made.pk = None
            return Problem(change.row, "", change.label, _("It was made by somebody else since the preview."))
        return None
