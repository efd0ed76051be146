"""One normalisation and one tokenizer in SQL, for what is stored and for what is typed."""

import re
import unicodedata

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import customers.search

CODE_POINTS = [chr(code) for code in range(0x80, 0x20000) if not 0xD800 <= code <= 0xDFFF]
SMALL_LETTERS = {unicodedata.name(char, ""): char for char in map(chr, range(0x61, 0x530))}
# Invisible in a name, wherever they stand: joiners, direction marks, soft hyphens, fillers, the Arabic tatweel.
IGNORED = r"[\u00AD\u034F\u061C\u0640\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F" + (
    r"\uFE00-\uFE0F\uFEFF\uFFF9-\uFFFB\U000E0000-\U000E0FFF]"
)
# Marks that a keyboard may not offer. Vowel signs of Indian and other scripts are letters to their readers, and stay.
MARKS = r"[\u0300-\u036F\u0483-\u0487\u0591-\u05C7\u0610-\u061A\u064B-\u065F\u0670\u06D6-\u06ED\u0711\u0730-\u074A" + (
    r"\u07A6-\u07B0\u08CA-\u08FF\u093C\u09BC\u0A3C\u0ABC\u0B3C\u0C3C\u0CBC\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF"
    r"\uFE20-\uFE2F]"
)
# Scripts written without blanks between words: Thai, Lao, Tibetan, Burmese, Khmer, Kana, Han, Hangul.
UNSPACED = (
    r"\u0E00-\u0FFF\u1000-\u109F\u1780-\u17FF\u19E0-\u19FF\u1A20-\u1AAF\u3005-\u3007\u3040-\u30FF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uA9E0-\uA9FF\uAA60-\uAA7F\uAC00-\uD7A3\uF900-\uFAFF\U00020000-\U0003FFFF"
)
# Letters that have no decomposition, and that keyboards of other languages write otherwise.
LETTERS = {"æ": "ae", "œ": "oe", "þ": "th"}
PLAIN = {
    **{"ı": "i", "ð": "d", "ŋ": "n", "ĸ": "k", "ə": "a", "ɛ": "e", "ɔ": "o"},
    **{"ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه"},
}
DIGRAPHS = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}


def _escaped(code: int) -> str:
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _separators() -> str:
    """A character class of all punctuation, symbols, blanks and control characters."""
    # An apostrophe is often written as one of the letters U+02B9 to U+02BF: "Oʻahu", "O'ahu".
    found = [
        code
        for code in range(1, 0x20000)
        if unicodedata.category(chr(code))[0] in "PSZ"
        or unicodedata.category(chr(code)) in {"Cc", "Cf"}
        or 0x2B9 <= code <= 0x2BF
    ]
    ranges: list[list[int]] = []
    for code in found:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{_escaped(first)}-{_escaped(last)}" for first, last in ranges)


def _lowered() -> dict[str, str]:
    """Case folding and decimal digits of fully decomposed text, one character each."""
    found = {}
    for char in CODE_POINTS:
        folded = str(unicodedata.decimal(char)) if unicodedata.category(char) == "Nd" else char.casefold()
        if folded != char and len(folded) == 1 and unicodedata.normalize("NFKD", char) == char:
            found[char] = folded
    return found


def _unaccented() -> dict[str, str]:
    """Letters with a stroke, hook or tail that Unicode does not decompose: ł, đ, ø."""
    found = dict(PLAIN)
    for char in CODE_POINTS:
        named = re.fullmatch(r"((?:LATIN|CYRILLIC) SMALL LETTER [A-Z]+) WITH .+", unicodedata.name(char, ""))
        if named and named[1] in SMALL_LETTERS and unicodedata.normalize("NFD", char) == char:
            found.setdefault(char, SMALL_LETTERS[named[1]])
    return found


def _translate(text: str, table: dict[str, str]) -> str:
    return f"translate({text}, '{''.join(table)}', '{''.join(table.values())}')"


def _replace(text: str, table: dict[str, str]) -> str:
    for char, written in table.items():
        text = f"replace({text}, '{char}', '{written}')"
    return text


FORWARD = rf"""
-- Words in lower case with single blanks between them, in NFKC; accents stay. PostgreSQL's own lower() depends on the
-- database's locale, and its parser cuts words at the vowel signs of many scripts: neither is used. Functions in SQL have
-- their bodies parsed now: indexes are built, and dumps restored, with an empty search_path.
CREATE FUNCTION search_normalize_part(typed text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text;
BEGIN
    IF octet_length(typed) = length(typed) THEN
        RETURN btrim(regexp_replace(lower(typed COLLATE "C"), '[^a-z0-9]+', ' ', 'g'));
    END IF;
    plain := lower(normalize(typed, NFKD) COLLATE "C");
    plain := {_translate("plain", _lowered())};
    plain := replace(replace(plain, 'ß', 'ss'), 'ẞ', 'ss');
    plain := replace(replace(plain, 'i' || U&'\0307', 'i'), 'ı', 'i');
    plain := normalize(regexp_replace(plain, '{IGNORED}', '', 'g'), NFKC);
    plain := regexp_replace(plain, '[{_separators()}]+', ' ', 'g');
    RETURN btrim(regexp_replace(plain, '([{UNSPACED}]+)', ' \1 ', 'g'));
END $$;

-- Beside a name in another script stand an e-mail and SKUs: only what is not ASCII takes the long way, some 50 us a word.
CREATE FUNCTION search_normalize(typed text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(typed) = length(typed) THEN search_normalize_part(typed) ELSE (
    SELECT coalesce(string_agg(word, ' ' ORDER BY number), '')
    FROM (
        SELECT search_normalize_part(part) AS word, number
        FROM string_to_table(typed, ' ') WITH ORDINALITY AS split(part, number)
        OFFSET 0
    ) AS parts
    WHERE word <> ''
) END;

-- The same words without accents.
CREATE FUNCTION search_fold(words text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text;
BEGIN
    IF octet_length(words) = length(words) THEN
        RETURN words;
    END IF;
    plain := regexp_replace(normalize(words, NFD), '{MARKS}', '', 'g');
    plain := {_translate("plain", _unaccented())};
    RETURN btrim(normalize({_replace("plain", LETTERS)}, NFC));
END $$;

-- As German, Danish and others write the accents with plain letters: Mueller, Soerensen, Aase.
CREATE FUNCTION search_spell_out(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_fold({_replace("words", DIGRAPHS)});

-- A run of a script without blanks is kept by its pairs of characters, and its last character alone.
CREATE FUNCTION search_lexemes(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(DISTINCT lexeme), '{{}}')
    FROM regexp_split_to_table(words, ' +') AS word,
    LATERAL (
        SELECT substr(word, position, 2) AS lexeme FROM generate_series(1, length(word)) AS position
        WHERE word ~ '^[{UNSPACED}]'
        UNION ALL SELECT left(word, 100) WHERE word !~ '^[{UNSPACED}]'
    ) AS parts
    WHERE lexeme <> ''
);

CREATE FUNCTION search_vector(stored text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT CASE WHEN octet_length(words) = length(words)
        THEN array_to_tsvector(array_remove(string_to_array(words, ' '), ''))
        ELSE array_to_tsvector(search_lexemes(words || ' ' || search_fold(accented) || ' ' || search_spell_out(accented)))
        END
    FROM (SELECT search_normalize(stored) AS words OFFSET 0) AS normalized,
    LATERAL (
        SELECT coalesce(string_agg(word, ' '), '') AS accented FROM string_to_table(words, ' ') AS word
        WHERE octet_length(word) > length(word)
    ) AS not_ascii
);

CREATE FUNCTION search_all_of(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg(part, ' & ') FROM (
        SELECT CASE WHEN word ~ '^[{UNSPACED}].'
            THEN (SELECT string_agg('''' || substr(word, position, 2) || '''', ' & ')
                FROM generate_series(1, length(word) - 1) AS position)
            ELSE '''' || left(word, 100) || '''' || CASE
                WHEN number = count(*) OVER () OR word ~ '^[{UNSPACED}]' OR length(word) > 100 THEN ':*' ELSE '' END
            END AS part
        FROM regexp_split_to_table(words, ' +') WITH ORDINALITY AS split(word, number)
        WHERE word <> ''
    ) AS parts
);

-- All words as typed, the last of which may be the beginning of one. Null where nothing typed is a word.
CREATE FUNCTION search_query(typed text, folded boolean) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT CASE WHEN folded
        THEN (search_all_of(search_fold(words)) || ' | ' || search_all_of(search_spell_out(words)))::tsquery
        ELSE search_all_of(words)::tsquery END
    FROM (SELECT search_normalize(typed) AS words OFFSET 0) AS normalized
);

-- Letters and digits alone: tracking numbers and postal codes are written with blanks here and without there.
CREATE FUNCTION search_code(typed text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(search_fold(search_normalize(typed)), ' ', '');

-- The digits of a phone number from its end, so that one with the country's code begins like one without; without
-- zeros in front, and the zero that is not dialed from abroad: +49 (0)30 1234.
CREATE FUNCTION search_phone(typed text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN reverse(ltrim(regexp_replace(search_code(replace(typed, '(0)', '')), '[^0-9]', '', 'g'), '0'));

-- What typed digits are to be equal to, where the stored number lacks the country's code.
CREATE FUNCTION search_phone_beginnings(typed text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT array_agg(left(digits, size))
    FROM (SELECT search_phone(typed) AS digits OFFSET 0) AS phone, generate_series(7, length(digits)) AS size
);

CREATE FUNCTION search_customer(email text, first_name text, last_name text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_vector(email || ' ' || first_name || ' ' || last_name);

CREATE FUNCTION search_address(name text, line1 text, line2 text, city text, state text, postal_code text)
RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_vector(name || ' ' || line1 || ' ' || line2 || ' ' || city || ' ' || state || ' ' || postal_code
    || ' ' || search_code(postal_code));
"""
BACKWARD = """
DROP FUNCTION search_address(text, text, text, text, text, text);
DROP FUNCTION search_customer(text, text, text);
DROP FUNCTION search_phone_beginnings(text);
DROP FUNCTION search_phone(text);
DROP FUNCTION search_code(text);
DROP FUNCTION search_query(text, boolean);
DROP FUNCTION search_all_of(text);
DROP FUNCTION search_vector(text);
DROP FUNCTION search_lexemes(text);
DROP FUNCTION search_spell_out(text);
DROP FUNCTION search_fold(text);
DROP FUNCTION search_normalize(text);
DROP FUNCTION search_normalize_part(text);
"""


class Migration(migrations.Migration):
    """Adds the functions, and replaces the index without locking the table."""

    atomic = False
    dependencies = [("customers", "0004_email_keys_unique")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        AddIndexConcurrently(
            "customer",
            django.contrib.postgres.indexes.GinIndex(
                customers.search.CustomerWords("email", "first_name", "last_name"), name="customer_search"
            ),
        ),
        RemoveIndexConcurrently("customer", "customer_words"),
        AddIndexConcurrently(
            "customer",
            models.Index(
                django.contrib.postgres.indexes.OpClass(customers.search.Phone("phone"), name="text_pattern_ops"),
                condition=~models.Q(phone=""),
                name="customer_phone",
            ),
        ),
        AddIndexConcurrently(
            "address",
            django.contrib.postgres.indexes.GinIndex(
                customers.search.AddressWords("name", "line1", "line2", "city", "state", "postal_code"),
                name="address_search",
            ),
        ),
    ]
