"""`{% money amount currency %}` and `{% if card|expired %}`."""

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Card
from billing.money import format_money

register = template.Library()


@register.simple_tag
def money(amount: int, currency: str, *, taken_off: bool = False) -> SafeString:
    return format_html('<span class="whole">{}</span>', format_money(-amount if taken_off else amount, currency))


@register.filter
def expired(card: Card) -> bool:
    today = timezone.localdate()
    return card.expired(year=today.year, month=today.month)
