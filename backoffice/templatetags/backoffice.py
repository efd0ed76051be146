"""`{% badge status label %}`, `{% moment time %}`, `{{ seconds|in_words }}` and `{% list_filters link %}`."""

from django import template
from django.template import Context

from backoffice.badges import badge
from backoffice.durations import in_words
from backoffice.list_filters import with_list_filters
from backoffice.times import moment

register = template.Library()
register.simple_tag(badge)
register.simple_tag(moment)
register.filter(in_words)


@register.simple_tag(takes_context=True)
def list_filters(context: Context, url: object) -> str:
    return with_list_filters(context["request"], str(url))
