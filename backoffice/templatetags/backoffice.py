"""`{% badge status label %}`, `{% moment time %}` and `{% list_filters link %}`."""

from django import template
from django.template import Context

from backoffice.badges import badge
from backoffice.list_filters import with_list_filters
from backoffice.times import moment

register = template.Library()
register.simple_tag(badge)
register.simple_tag(moment)


@register.simple_tag(takes_context=True)
def list_filters(context: Context, url: object) -> str:
    return with_list_filters(context["request"], str(url))
