"""Which parameters may filter a list: those of its tabs and filters, and the `lookups` that its links use.

Django allows any lookup on any column of the model, so that `?secret__startswith=` reads a column that no page shows.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.filters import FieldListFilter
from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR
from django.http import HttpRequest, QueryDict

from backoffice.keyset_paging import PAGING

# What the filters of a field, Django's and the theme's, take behind the field's name.
SUFFIXES = (
    *("", "__exact", "__in", "__isnull", "__isempty", "__id__exact", "__gte", "__lt"),
    *("_from", "_to", "_from_0", "_from_1", "_to_0", "_to_1"),
)


def declared_lookups(model_admin: Any, request: HttpRequest) -> set[str]:
    tabs = {name for tab in getattr(model_admin, "tabs", ()) for name, _value in tab.query}
    return {*tabs, *model_admin.lookups, *_of_filters(model_admin.get_list_filter(request))}


def without_undeclared(model_admin: Any, request: HttpRequest) -> tuple[QueryDict, list[str]]:
    """Return the query string without the parameters that may not filter the list, and their names."""
    known = {*declared_lookups(model_admin, request), *IGNORED_PARAMS, *PAGING, PAGE_VAR, ERROR_FLAG}
    query = request.GET.copy()
    undeclared = [name for name in query if name not in known]
    for name in undeclared:
        del query[name]
    return query, undeclared


def _of_filters(filters: Any) -> Iterator[str]:
    for each in filters:
        field = each[0] if isinstance(each, (tuple, list)) else each
        if isinstance(field, str):
            yield from (f"{field}{suffix}" for suffix in SUFFIXES)
        elif not issubclass(field, FieldListFilter):
            yield field.parameter_name
