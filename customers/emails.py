"""E-mails: how they are stored, and which two are the same. All look-ups and constraints compare `email_key`.

PostgreSQL's lower() and upper() depend on its collation and version, and disagree with each other (dotless i, ß), so
the key is computed here alone and stored beside the e-mail.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any, Self, TypeVar, cast

from django.db import models
from django.utils.translation import gettext_lazy as _

RowT = TypeVar("RowT", bound=models.Model)
IDEOGRAPHIC_STOP = "\u3002"  # separates labels of a domain as a full stop does (UTS 46)


def normal_email(email: str) -> str:
    """Return an e-mail as it is stored: one width, one composition, no blanks around it, in the case it was typed."""
    return unicodedata.normalize("NFKC", email).strip()


def email_key(email: str) -> str:
    """Return what is equal for two e-mails that are the same, and only for those.

    Ignores case, width, composition, and whether a domain is written in Unicode or in ASCII (xn--…). It is for
    comparing: mail is sent to the stored e-mail, never to one typed that has the same key.
    """
    local, at, domain = _fold(email.strip()).strip().rpartition("@")
    labels = domain.replace(IDEOGRAPHIC_STOP, ".").split(".") if at else [domain]
    return local + at + ".".join(_fold(_unicode_label(label)) for label in labels)


def _fold(text: str) -> str:
    # Unicode's caseless matching of compatible texts (definition D146): a single pass is not idempotent.
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        decoded = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    # Not a label that a registry would take: plain ASCII in disguise, or what normalisation would turn into "@" or ".".
    plain = decoded.isascii() or unicodedata.normalize("NFKC", decoded) != decoded
    return label if plain or IDEOGRAPHIC_STOP in decoded else decoded


def same_email(one: str, other: str) -> bool:
    return email_key(one) == email_key(other)


class NormalEmailField(models.EmailField):  # type: ignore[type-arg]
    """Normalises what is assigned by forms, and whatever is written or looked up."""

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normal_email(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return normal_email(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        email = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, email)
        return email


class EmailKeyField(models.TextField):  # type: ignore[type-arg]
    """The key of the field `email` of the same row, computed whenever a row is saved or created in bulk."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"editable": False})

    def pre_save(self, model_instance: Any, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        key = email_key(model_instance.email)
        # An older duplicate keeps its number, by which alone it differs (migration 0003).
        if super().pre_save(model_instance, add) != duplicate_key(key, model_instance.pk):
            setattr(model_instance, self.attname, key)
        return getattr(model_instance, self.attname)


def duplicate_key(key: str, pk: int | None) -> str:
    """Return the key of a row whose e-mail another row had as well before keys were unique."""
    return f"{key} #{pk}"


class WithEmailKey(models.Model):
    """A model with an `email`, whose key is unique."""

    email_key = EmailKeyField(_("e-mail to compare"))

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        if update_fields is not None and "email" in (update_fields := set(update_fields)):
            update_fields.add("email_key")
        super().save(*args, update_fields=update_fields, **options)

    def validate_constraints(self, exclude: Any = None) -> None:
        excluded = set(exclude or ())
        if "email" not in excluded:
            # No form has the key among its fields, but any form may break its constraint.
            excluded.discard("email_key")
            cast(EmailKeyField, self._meta.get_field("email_key")).pre_save(self, add=False)
        super().validate_constraints(exclude=excluded)


class EmailKeyQuerySet(models.QuerySet[RowT]):
    def with_email(self, email: str) -> Self:
        """Ignore case, width and composition."""
        return self.filter(email_key=email_key(email.replace("\0", "")))

    def update(self, **values: Any) -> int:
        """Write the key with each e-mail; an e-mail that the database computes has none."""
        if "email" in values and "email_key" not in values:
            if not isinstance(values["email"], str):
                raise TypeError("An e-mail is written as text, so that its email_key can be computed.")
            values["email_key"] = email_key(values["email"])
        return super().update(**values)
