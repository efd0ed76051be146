"""Columns of lists, typed: the theme's own decorator loses the types."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext

Method = TypeVar("Method", bound=Callable[..., Any])


def column(title: str | Promise, *, header: bool = False) -> Callable[[Method], Method]:
    """Title a column; a header column returns two lines."""
    attributes = {"short_description": title, **({"header": True} if header else {})}

    def decorate(method: Method) -> Method:
        for name, value in attributes.items():
            setattr(method, name, value)
        return method

    return decorate


def yes_no(value: object) -> str:
    # In words: the theme's red cross would look like an error.
    return gettext("Yes") if value else gettext("No")
