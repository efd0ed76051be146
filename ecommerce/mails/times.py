"""Days and times as the customer reads them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language, to_locale

from customers.models import Customer


def locale() -> str:
    """The language that is on, as Babel names it."""
    return to_locale(get_language() or settings.LANGUAGE_CODE)


def day(customer: Customer, at: datetime) -> str:
    return format_date(_local(customer, at), format="long", locale=locale())


def moment(customer: Customer, at: datetime) -> str:
    """Write a time to the second in the customer's zone, or in the shop's."""
    return f"{_local(customer, at):%Y-%m-%d %H:%M:%S %Z}"


def _local(customer: Customer, at: datetime) -> datetime:
    zone = (customer.user.time_zone if customer.user else "") or settings.TIME_ZONE
    return timezone.localtime(at, ZoneInfo(zone))
