"""One rule of retention, worked off to its end."""

from datetime import timedelta
from typing import Any

from django.db.models import F, Model

from backoffice.retention import Rule
from ecommerce.retention.table import RULES


def rule(kind: str) -> Rule:
    return next(rule for rule in RULES if rule.kind == kind)


def removed(kind: str) -> int:
    age = rule(kind).age
    return sum(rule(kind).steps(age)) if age else 0


def age(rows: Any, days: float, *columns: str) -> None:
    """Have rows, or one of them, be older in these columns."""
    found = type(rows)._default_manager.filter(pk=rows.pk) if isinstance(rows, Model) else rows
    found.update(**{column: F(column) - timedelta(days=days) for column in columns})
