"""Ids as one array: PostgreSQL and psycopg are quicker with one parameter than with thousands."""

from collections.abc import Iterable

from django.db import models
from django.db.models import F, Func, Value


def array_of(ids: Iterable[int]) -> str:
    """Write ids as a PostgreSQL array literal: psycopg adapts each id of a list, and takes ten times as long."""
    return f"{{{','.join(map(str, ids))}}}"


class Among(Func):
    """`key = ANY(ids)`, with the ids as one parameter where IN has one each."""

    template = "(%(expressions)s::bigint[]))"
    arg_joiner = " = ANY("
    output_field = models.BooleanField()

    def __init__(self, ids: Iterable[int], *, key: str = "pk") -> None:
        super().__init__(F(key), Value(array_of(ids)))
