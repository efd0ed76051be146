"""Card numbers, which are neither stored nor logged anywhere: found in any text."""

import re

# 13 to 19 digits, perhaps in groups. Cards begin with 2 to 6; a plus makes it a telephone number.
_CARD_LIKE = re.compile(r"(?<![\d+])[2-6](?:[ -]?\d){12,18}(?!\d)")


def holds_card_number(text: str) -> bool:
    return any(_passes_luhn(match[0]) for match in _CARD_LIKE.finditer(text))


def _passes_luhn(text: str) -> bool:
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
