"""The filters of the list that a page was opened from: links back to the list carry them, as Django's own pages do."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import Resolver404, resolve

NAME = "_changelist_filters"  # Django's


def with_list_filters(request: HttpRequest, url: str) -> str:
    """Add them to a link to the list, or hand them on to a page below it."""
    filters = request.GET.get(NAME, "")
    if not filters:
        return url
    query = filters if _is_list(url) else urlencode({NAME: filters})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _is_list(url: str) -> bool:
    try:
        return (resolve(url).url_name or "").endswith("_changelist")
    except Resolver404:
        return False
