"""Columns of lists, with their types kept: the theme's own decorator loses them."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext

Method = TypeVar("Method", bound=Callable[..., Any])


def column(title: str | Promise, *, header: bool = False) -> Callable[[Method], Method]:
    """Name a column; a header has two lines."""
    marks = {"short_description": title, **({"header": True} if header else {})}

    def mark(method: Method) -> Method:
        for name, value in marks.items():
            setattr(method, name, value)
        return method

    return mark


def yes_no(value: object) -> str:
    """Say it in a word: a red cross would look like a fault."""
    return gettext("Yes") if value else gettext("No")
