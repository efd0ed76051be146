"""The SQL functions that stored and typed text are searched by (customers/migrations/0005_search_words.py)."""

import re
import unicodedata

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db.models import BooleanField, F, Func, TextField, Value

MAX_TEXT_LENGTH = 400
MIN_PHONE_DIGITS = 6
# Direction marks and other invisible characters come along where a text is copied from a page.
INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def clean_text(text: str) -> str:
    """Cut off what nobody types, and what PostgreSQL can't take: NUL and lone surrogates. Digits become ASCII."""
    text = text[: 20 * MAX_TEXT_LENGTH].replace("\0", "").encode(errors="ignore").decode()
    text = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return "".join(str(unicodedata.decimal(char, char)) for char in text).strip()[:MAX_TEXT_LENGTH]


def looks_like_phone(text: str) -> bool:
    digits = len(re.sub(r"[^0-9]", "", text))
    return (
        digits >= MIN_PHONE_DIGITS
        and re.fullmatch(r"(?:\+|tel\W*)?[-0-9 ().+/\u2010-\u2015]+", text, re.IGNORECASE) is not None
    )


class CustomerWords(Func):
    function = "search_customer"
    output_field = SearchVectorField()


class AddressWords(Func):
    function = "search_address"
    output_field = SearchVectorField()


class Phone(Func):
    """The digits from the last to the first."""

    function = "search_phone"
    output_field = TextField()


class PhoneBeginnings(Func):
    function = "search_phone_beginnings"
    output_field = ArrayField(TextField())


class EqualsAny(Func):
    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


class Code(Func):
    """Letters and digits, in lower case."""

    function = "search_code"
    output_field = TextField()


class TypedWords(Func):
    """All words of a text, the last as a prefix; null, which matches nothing, where there are none."""

    function = "search_query"
    output_field = SearchQueryField()

    def __init__(self, text: str, *, folded: bool = False) -> None:
        super().__init__(Value(text, TextField()), Value(folded))


class Matches(Func):
    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, vector: Func | F, text: str, *, folded: bool = False) -> None:
        super().__init__(vector, TypedWords(text, folded=folded))


class MatchesWithoutIndex(Matches):
    """IS TRUE keeps PostgreSQL from using the index."""

    template = "((%(expressions)s) IS TRUE)"
