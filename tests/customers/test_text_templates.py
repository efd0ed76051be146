"""Texts of staff: what they may say, what is told when they are saved, and that they reach nothing."""

import pytest
from django.core.exceptions import ValidationError

from customers.mail.text_templates import Names, check, render

NAMES: Names = {"name": "Ada", "total": "EUR 3.00", "items": ("2 x Mug", "1 x Cup"), "answer": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi {{ name }}, {{ total|lower }}", "Hi Ada, eur 3.00"),
        ("{% for each in items %}- {{ each }} ({{ forloop.counter }})\n{% endfor %}", "- 2 x Mug (1)\n- 1 x Cup (2)\n"),
        ("{% if answer %}{{ answer }}{% elif name %}-{% else %}{{ total }}{% endif %}", "-"),
        ("{{ answer|default:name }} < & >", "Ada < & >"),
    ],
)
def test_placeholders_conditions_and_loops(text: str, filled: str) -> None:
    check(text, NAMES)
    assert render(text, NAMES) == filled


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ nmae }}", "There is no placeholder nmae here. There are: answer, items, name, total."),
        ("{% if nmae %}{% endif %}", "There is no placeholder nmae"),
        ("{% for each in itmes %}{% endfor %}", "There is no placeholder itmes"),
        ("{{ answer|default:nmae }}", "There is no placeholder nmae"),
        ("{{ settings.SECRET_KEY }}", "There is no placeholder settings"),
        ("{{ name.__class__ }}", "can't be read"),
        ("{{ name.upper }}", "name.upper has no parts: write name alone."),
        ("{{ items.pop }}", "has no parts"),
        ("{% include 'admin/base.html' %}", "can't be read"),
        ("{% load i18n %}", "can't be read"),
        ("{{ name|center:999999999 }}", "can't be read"),
        ("{% if name %}", "can't be read"),
        ("{{ name", "is not closed"),
        ("{% for a in items %}{% for b in items %}x{% endfor %}{% endfor %}", "can't stand inside another"),
        ("{% for a, b in items %}{{ a }}{% endfor %}", "can't be filled in"),
        ("x" * 10_001, "at most 10000 characters"),
    ],
)
def test_what_is_wrong_is_told_in_words(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why.replace(".", r"\.")):
        check(text, NAMES)
