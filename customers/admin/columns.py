"""Columns of lists, with their types kept: the theme's own decorator loses them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils.functional import Promise

Method = TypeVar("Method", bound=Callable[..., Any])


def column(
    title: str | Promise, *, boolean: bool = False, header: bool = False, label: Mapping[Any, str] | None = None
) -> Callable[[Method], Method]:
    """Name a column: a yes or no, a header of two lines, or a badge that `label` colours by the first of a pair."""
    marks = {"short_description": title, "boolean": boolean, "header": header, "label": label}

    def mark(method: Method) -> Method:
        for name, value in marks.items():
            if value:
                setattr(method, name, value)
        return method

    return mark
