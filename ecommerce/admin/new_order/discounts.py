"""Discounts and prices as staff type them."""

import re
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from billing.money import InvalidAmount, format_money, parse_amount
from ecommerce.pricing.order import Discount

PERCENT, AMOUNT = "percent", "amount"
MAX_PERCENT = 100
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")


def parse_discount(text: str, kind: str, currency: str) -> Discount | None:
    """Return the discount that was typed, None for none; raise ValidationError. A % sign makes it a percentage."""
    text = text.strip()
    if kind != AMOUNT or text.endswith("%"):
        percent = _parse_percent(text.removesuffix("%").rstrip()) if text else Decimal(0)
        return Discount(percent_off=percent) if percent else None
    amount = parse_price(text, currency) if text else 0
    return Discount(amount_off=amount) if amount else None


def _parse_percent(text: str) -> Decimal:
    percent = Decimal(text) if _PERCENT.fullmatch(text) else None
    if percent is None or percent > MAX_PERCENT:
        sentence = _("A percentage is a number from 0 to 100 with at most two decimals, for example 7.5.")
        raise ValidationError(sentence)
    return percent


def parse_price(text: str, currency: str) -> int:
    """Return an amount in the minor unit; raise ValidationError."""
    try:
        return parse_amount(text, currency)
    except InvalidAmount as error:
        raise ValidationError(str(error)) from error


def taken_off(discount: Discount | None, amount: int, currency: str) -> str:
    """Say what a discount takes off an amount; empty where it is nothing."""
    off = discount.of(amount, currency) if discount else 0
    return format_money(off, currency) if off else ""


def typed(data: Any, name: str) -> str:
    """Return the text of a field without blanks around it."""
    return str(data.get(name, "")).strip()
