"""The currencies that Stripe charges, their minimum amounts and steps (https://docs.stripe.com/currencies)."""

from fake_stripe.errors import ApiError, invalid_request
from fake_stripe.parameters import words

CHARGEABLE = frozenset(
    words(
        "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf "
        "chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf "
        "idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop "
        "mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd "
        "scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof "
        "xpf yer zar zmw"
    )
)
ZERO_DECIMAL = frozenset(words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"))
THREE_DECIMAL = frozenset(words("bhd jod kwd omr tnd"))
WHOLE_ONLY = frozenset(words("isk ugx"))
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
DEFAULT_MAXIMUM = 99_999_999  # eight digits
MAXIMUM = {"idr": 999_999_999_999}
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def exponent(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def amount_step(currency: str) -> int:
    """What amounts must be a multiple of."""
    if currency in WHOLE_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def format_amount(amount: int, currency: str) -> str:
    digits = exponent(currency)
    number = f"{amount / 10**digits:,.{digits}f}"
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {currency}"


def check_currency(currency: str) -> str:
    code = currency.lower()
    if code not in CHARGEABLE:
        raise invalid_request(
            f"Invalid currency: {code}. Stripe currently supports these currencies: {', '.join(sorted(CHARGEABLE))}",
            param="currency",
        )
    return code


def check_amount(amount: int, currency: str) -> None:
    minimum = MINIMUM.get(currency, 1)
    maximum = MAXIMUM.get(currency, DEFAULT_MAXIMUM)
    if amount > maximum:
        raise _bad_amount(f"Amount must be no more than {format_amount(maximum, currency)}", "amount_too_large")
    if amount < minimum:
        raise _bad_amount(f"Amount must be at least {format_amount(minimum, currency)} {currency}", "amount_too_small")
    check_step(amount, currency)


def check_step(amount: int, currency: str) -> None:
    if amount % amount_step(currency):
        raise _bad_amount(
            f"Invalid amount: {amount}. Amounts in {currency} must be evenly divisible by {amount_step(currency)}.",
            "parameter_invalid_integer",
        )


def _bad_amount(message: str, code: str) -> ApiError:
    return invalid_request(message, param="amount", code=code)
