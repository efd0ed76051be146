"""The day of a moment, where it is taxed. Countries of several zones: that of the largest city, or of the state."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.core import get_global

from customers.postal_addresses import state_code
from customers.tax_ids import NORTHERN_IRELAND

_LARGEST = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "FM": "Pacific/Chuuk", "GL": "America/Nuuk", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa", "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby", "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent", NORTHERN_IRELAND: "Europe/London", "XK": "Europe/Belgrade",
}  # fmt: skip
_STATES = {
    "US": {
        "America/Chicago": "AL AR IL IA KS LA MN MS MO NE ND OK SD TN TX WI",
        "America/Denver": "CO ID MT NM UT WY",
        "America/Phoenix": "AZ",
        "America/Los_Angeles": "CA NV OR WA",
        "America/Anchorage": "AK",
        "Pacific/Honolulu": "HI",
        "America/Puerto_Rico": "PR VI",
        "Pacific/Guam": "GU MP",
        "Pacific/Pago_Pago": "AS",
    },
    "CA": {
        "America/Vancouver": "BC",
        "America/Edmonton": "AB",
        "America/Yellowknife": "NT",
        "America/Whitehorse": "YT",
        "America/Regina": "SK",
        "America/Winnipeg": "MB",
        "America/Iqaluit": "NU",
        "America/Halifax": "NB NS PE",
        "America/St_Johns": "NL",
    },
    "AU": {
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Darwin": "NT",
        "Australia/Hobart": "TAS",
        "Australia/Perth": "WA",
    },
}
_ZONE_OF_STATE = {
    (country, state): zone for country, zones in _STATES.items() for zone, states in zones.items()
    for state in states.split()
}  # fmt: skip
_ZONES: dict[str, list[str]] = get_global("territory_zones")  # type: ignore[assignment]


def tax_zone(country: str, region: str = "") -> ZoneInfo:
    """Return the zone in which a country, or a state of it, counts its days; UTC where the country is unknown."""
    name = _ZONE_OF_STATE.get((country, state_code(country, region))) or _LARGEST.get(country)
    return ZoneInfo(name or (_ZONES.get(country) or ["UTC"])[0])


def tax_date(at: datetime, country: str, region: str = "") -> date:
    """Return on which of the taxing country's days a moment is."""
    return at.astimezone(tax_zone(country, region)).date()
