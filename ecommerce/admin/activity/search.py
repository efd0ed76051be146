"""Search in Activity: person, object, file, address and values, old or new."""

import re
from typing import Any

from django.db.models import BigIntegerField, BooleanField, Func, Q, QuerySet, Value
from django.db.models.expressions import ExpressionWrapper

from backoffice.list_tabs import BOUND
from backoffice.models import WORD_FIELDS, ActivityWords
from customers.search import Matches, MatchesWithoutIndex, clean_text
from ecommerce.models.id_arrays import Among

AMOUNT = re.compile(r"(?:[A-Za-z]{3}\s*)?([0-9][0-9,]*)\.([0-9]{2,3})(?:\s*[A-Za-z]{3})?")


def search(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Few matches are passed by number; where very many match, each row from the newest on is checked."""
    typed = [clean_text(text)]
    if amount := AMOUNT.fullmatch(typed[0]):  # kept in the minor unit
        typed.append(amount[1].replace(",", "") + amount[2])
    folded = not typed[0].isascii()
    indexed, checked = Q(), Q()
    for each in typed:
        indexed |= _condition(Matches(ActivityWords(*WORD_FIELDS), each, folded=folded))
        checked |= _condition(MatchesWithoutIndex(ActivityWords(*WORD_FIELDS), each, folded=folded))
    found = list(rows.model.objects.filter(indexed).values_list("pk", flat=True)[: BOUND + 1])
    return rows.filter(Among(found)) if len(found) <= BOUND else rows.filter(checked)


def _condition(matches: Func) -> Q:
    return Q(ExpressionWrapper(matches, output_field=BooleanField()))


def object_condition(text: str) -> Q | None:
    """Read "ecommerce.sku:5"."""
    model, _colon, number = text.partition(":")
    if not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - digits of a bigint
        return None
    return Q(object_type=model, object_id=Value(int(number), BigIntegerField()))
