"""Every other row of every table: where staff, files or searches named the person."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from backoffice.models import Activity
from billing.models import Difference, Reconciliation, WebhookEvent
from ecommerce.erasure.rows import allow_changed_history, write_scrubbed
from ecommerce.erasure.words import Scrubber, Words
from ecommerce.models import BulkJob, Erasure, FileImport

APPS = ("backoffice", "customers", "billing", "ecommerce", "admin", "account")
# An e-mail is one person's alone. A name, a telephone or a street two may share: those are taken out of what is about
# nobody, and stay in what is another customer's.
ABOUT_NOBODY = (Activity, BulkJob, Difference, FileImport, LogEntry, Reconciliation, WebhookEvent)
STEP = 5000  # rows looked through in one statement


def scrub_everywhere(words: Words, *, beat: Callable[[], None]) -> None:
    """Take the words out of all text there is; `beat` is called after each step, and prolongs the lease."""
    for model, fields in text_columns():
        unmistakable = [*words.emails, *words.names] if model in ABOUT_NOBODY else words.emails
        for after, last in _ranges(model):
            _scrub_range(model, fields, unmistakable, after, last)
            beat()


def text_columns() -> Iterator[tuple[type[models.Model], list[str]]]:
    """Return the models with a key of their own, each with its fields that hold text or JSON."""
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            fields = [each.name for each in model._meta.concrete_fields if _holds_text(each)]  # noqa: SLF001 - public
            if fields and model is not Erasure and isinstance(model._meta.pk, models.AutoField | models.BigAutoField):  # noqa: SLF001
                yield model, fields


def _holds_text(field: Any) -> bool:
    text = isinstance(field, models.CharField | models.TextField | models.JSONField)
    # A choice and a key are no text of anybody's.
    return text and not (field.choices or field.unique)


def _ranges(model: type[models.Model]) -> Iterator[tuple[int, int]]:
    """Yield after which key, and up to which one, the next STEP rows lie. A restore skips a million keys of each."""
    rows, after = model._base_manager.order_by("pk"), 0  # noqa: SLF001 - public
    while last := rows.filter(pk__gt=after)[:STEP].aggregate(last=models.Max("pk"))["last"]:
        yield after, last
        after = last


def _scrub_range(model: type[models.Model], fields: list[str], words: list[str], after: int, last: int) -> None:
    scrubber = Scrubber(words)
    columns = {f"text_of_{name}": Cast(name, models.TextField()) for name in fields}
    named = Q(pk=None)
    for column in columns:
        for word in words:
            named |= Q(**{f"{column}__icontains": word})
    found = model._base_manager.alias(**columns).filter(named, pk__gt=after, pk__lte=last)  # noqa: SLF001 - public
    if model is LogEntry:
        # History of another customer may name somebody of the same name.
        found = found.exclude(content_type__app_label="customers", content_type__model__in=["customer", "address"])
    if model is Activity:
        found = found.exclude(object_type__startswith="customers.")
    with transaction.atomic():
        allow_changed_history()
        for row in found.only("pk", *fields):
            write_scrubbed(row, scrubber, fields)
