"""Texts with placeholders, as staff may write them: {{ name }}, {% if name %}, {% for item in items %}.

The context holds texts and lists of texts alone, so that a text can't reach anything else, nor change what it reads.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import Node, NodeList, Variable, VariableNode
from django.template.defaulttags import ForNode, IfNode, TemplateLiteral
from django.utils.translation import gettext as _

Names = Mapping[str, str | tuple[str, ...]]
MAX_LENGTH = 10_000
INSIDE_LOOPS = frozenset({"forloop"})
CONSTANTS = frozenset({"True", "False", "None"})


class _Engine(Engine):
    default_builtins = ["customers.mail.allowed_tags"]


ENGINE = _Engine(loaders=[], autoescape=False)


def render(text: str, names: Names) -> str:
    return str(Template(text, engine=ENGINE).render(Context(dict(names), autoescape=False)))


def check(text: str, names: Names) -> None:
    """Raise ValidationError, in words, unless a text can be rendered with such names."""
    if len(text) > MAX_LENGTH:
        raise ValidationError(_("Use at most %(most)d characters.") % {"most": MAX_LENGTH})
    try:
        template = Template(text, engine=ENGINE)
    except TemplateSyntaxError as error:
        raise ValidationError(_("This text can't be read: %(why)s") % {"why": error}) from error
    nodes = template.nodelist.get_nodes_by_type(Node)
    for node in nodes:
        if isinstance(node, ForNode) and cast(NodeList, node.nodelist_loop).get_nodes_by_type(ForNode):
            raise ValidationError(_("One {% for %} can't stand inside another."))
    loops = {name for node in nodes if isinstance(node, ForNode) for name in node.loopvars}
    for variable in _variables(nodes):
        _check_name(variable, names, {*names, *loops, *INSIDE_LOOPS, *CONSTANTS})
    try:
        filled = render(text, names)
    except Exception as error:
        raise ValidationError(_("This text can't be filled in: %(why)s") % {"why": error}) from error
    if "{{" in filled or "{%" in filled:
        raise ValidationError(_("A {{ or {% is not closed: write {{ name }} or {% if name %}."))


def _check_name(variable: Variable, names: Names, known: Collection[str]) -> None:
    first, *rest = variable.lookups or ("",)
    if not first or first in INSIDE_LOOPS or (first in known and not rest):
        return
    if first in known:
        raise ValidationError(_("%(name)s has no parts: write %(first)s alone.") % {"name": variable, "first": first})
    sentence = _("There is no placeholder %(name)s here. There are: %(names)s.")
    raise ValidationError(sentence % {"name": first, "names": ", ".join(sorted(names))})


def _variables(nodes: Iterable[Node]) -> Iterator[Variable]:
    for node in nodes:
        match node:
            case VariableNode():
                yield from _of_expression(node.filter_expression)
            case ForNode():
                yield from _of_expression(node.sequence)
            case IfNode():
                for condition, _nodes in node.conditions_nodelists:
                    yield from _of_condition(condition)


def _of_condition(condition: Any) -> Iterator[Variable]:
    if isinstance(condition, TemplateLiteral):
        yield from _of_expression(condition.value)
    for part in ("first", "second"):
        if operand := getattr(condition, part, None):
            yield from _of_condition(operand)


def _of_expression(expression: Any) -> Iterator[Variable]:
    if isinstance(expression.var, Variable):
        yield expression.var
    for _function, arguments in expression.filters:
        yield from (each for is_looked_up, each in arguments if is_looked_up)
