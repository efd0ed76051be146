"""The tags and filters that texts of staff may use: none of them reads a file, an object or much memory."""

from django.template import Library, defaultfilters
from django.template.defaulttags import do_for, do_if

register = Library()
register.tag("if", do_if)
register.tag("for", do_for)
for each in ("capfirst", "default", "length", "lower", "upper"):
    register.filter(each, getattr(defaultfilters, each))
