"""`{% badge status label %}` and `{% moment time %}`."""

from django import template

from backoffice.badges import badge
from backoffice.times import moment

register = template.Library()
register.simple_tag(badge)
register.simple_tag(moment)
