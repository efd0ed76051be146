"""Two users edit the same row: each form writes what its user changed, and refuses a field that changed meanwhile.

A form carries the values it was loaded with as hidden inputs (Django's `show_hidden_initial`). What the user left alone
is not written; what the user changed is refused if the row holds another value by now, naming who, when and both.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.ids import parse_id


class ConcurrentEditForm(forms.ModelForm):  # type: ignore[type-arg]
    """`merged_fields` are written by difference, so that no change to them is a conflict."""

    merged_fields: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        columns = {field.name for field in self._meta.model._meta.get_fields()}  # noqa: SLF001 - Django's public Meta API
        self._editable = {
            name for name, field in self.fields.items() if name in columns and self._carries_initial(field)
        }
        # Absent where another program posts the form: then it overwrites, as it says what each field is to be.
        if self.instance.pk and (not self.is_bound or any(map(self._posted_initial, self._editable))):
            for name in self._editable:
                self.fields[name].show_hidden_initial = True
            self._name_split_initials()

    def _name_split_initials(self) -> None:
        # Django shows what was typed as the loaded value of a date with its time, unless it finds this name, too.
        split = [name for name in map(self.add_initial_prefix, self._editable) if f"{name}_0" in self.data]
        if split:
            data = cast("QueryDict", self.data).copy()
            data.update(dict.fromkeys(split, ""))
            self.data = data

    @staticmethod
    def _carries_initial(field: forms.Field) -> bool:
        return not field.disabled and not isinstance(field, forms.FileField)

    def _posted_initial(self, name: str) -> bool:
        prefix = self.add_initial_prefix(name)
        return prefix in self.data or f"{prefix}_0" in self.data

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self._editable:
            if name in cleaned and self.fields[name].show_hidden_initial:
                if name not in self.changed_data:
                    cleaned[name] = self._current(name)
                elif name not in self.merged_fields and self._changed_meanwhile(name):
                    self._refuse(name)
        return cleaned

    def _current(self, name: str) -> Any:
        field = self._meta.model._meta.get_field(name)  # noqa: SLF001 - Django's public Meta API
        value = getattr(self.instance, name)
        return value.all() if field.many_to_many else value

    def _changed_meanwhile(self, name: str) -> bool:
        field, hidden = self.fields[name], self.fields[name].hidden_widget()
        posted = self._widget_data_value(hidden, self.add_initial_prefix(name))  # type: ignore[attr-defined]
        current = self._raw_current(name)
        try:
            loaded = field.to_python(posted) if not isinstance(field, forms.MultiValueField) else field.clean(posted)
        except ValidationError:
            return True
        # Where both users wrote the same there is nothing to decide.
        written = self[name].data
        return field.has_changed(loaded, current) and field.has_changed(self._python(field, current), written)

    @staticmethod
    def _python(field: forms.Field, raw: Any) -> Any:
        return field.clean(raw) if isinstance(field, forms.MultiValueField) else field.to_python(raw)

    def _raw_current(self, name: str) -> Any:
        field, value = self.fields[name], self.get_initial_for_field(self.fields[name], name)
        widget = field.hidden_widget()
        return widget.decompress(value) if isinstance(widget, forms.MultiWidget) else field.prepare_value(value)

    def _refuse(self, name: str) -> None:
        values = {"current": self._words(name), "by": self._last_change()}
        self.add_error(
            name,
            _("Changed to “%(current)s”%(by)s after this page was opened. Save again to write yours instead.") % values,
        )
        self._load_current(name)

    def _load_current(self, name: str) -> None:
        """Make the value that the error names the one that the next save compares with."""
        raw, prefix = self._raw_current(name), self.add_initial_prefix(name)
        data = cast("QueryDict", self.data).copy()
        if isinstance(self.fields[name].hidden_widget(), forms.MultiWidget):
            for number, part in enumerate(raw):
                data[f"{prefix}_{number}"] = part
        else:
            data.setlist(prefix, raw if isinstance(raw, list) else [raw])
        self.data = data

    def _words(self, name: str) -> str:
        value = self._current(name)
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, models.QuerySet):
            return ", ".join(map(str, value)) or _("empty")
        display = getattr(self.instance, f"get_{name}_display", None)
        shown = display() if display else self.get_initial_for_field(self.fields[name], name)
        if isinstance(shown, list):
            shown = ", ".join(map(str, shown))
        return str(shown) if shown not in (None, "") else _("empty")

    def _last_change(self) -> str:
        """Return who changed the row in the admin last and when, or "" where a program or the customer did."""
        logged = Q()
        for row in self._rows_with_history():
            logged |= Q(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
        entry = LogEntry.objects.filter(logged).select_related("user").order_by("-pk").first()
        if entry is None:
            return ""
        when = f"{timezone.localtime(entry.action_time):%Y-%m-%d %H:%M %Z}"
        return _(" by %(who)s at %(when)s") % {"who": entry.user, "when": when}

    def _rows_with_history(self) -> Iterator[models.Model]:
        yield self.instance
        # The page of a parent logs what its inlines changed under the parent.
        for field in self.instance._meta.concrete_fields:  # noqa: SLF001 - Django's public Meta API
            if field.many_to_one and getattr(self.instance, field.attname):
                yield getattr(self.instance, field.name)


def concurrent_edit_form(form: "type[forms.ModelForm[Any]]") -> "type[forms.ModelForm[Any]]":
    """Return the form class with the checks of this module in front of its own."""
    return form if issubclass(form, ConcurrentEditForm) else type(form.__name__, (ConcurrentEditForm, form), {})


def is_saving(request: HttpRequest) -> bool:
    return request.method == "POST" and transaction.get_connection().in_atomic_block


class ConcurrentInline:
    """For inlines: the same checks, on rows that stay locked until the page is saved."""

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        formset = super().get_formset(request, obj, **options)  # type: ignore[misc]
        formset.form = concurrent_edit_form(formset.form)
        return formset

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_for_update(of=("self",), no_key=True) if is_saving(request) else rows


def lock_row(model: type[models.Model], object_id: str) -> None:
    """Lock a row until the end of the transaction, so that what is read of it afterwards stays true."""
    pk = parse_id(object_id)
    if pk is not None:
        list(model._default_manager.select_for_update(no_key=True).filter(pk=pk).values_list("pk"))  # noqa: SLF001
