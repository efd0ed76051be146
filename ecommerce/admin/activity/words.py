"""A record in words: "changed the price of Mug, red (MUG-RED)", with values as their own pages show them."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.columns import yes_no
from backoffice.models import Activity
from backoffice.times import moment
from billing.money import UnsupportedCurrency, format_money
from customers.countries import country_name

Act = Activity.Act
MONEY = {"price", "amount_off", "free_from"}
TITLES: dict[str, str | Promise] = {
    "inventory_quantity": gettext_lazy("stock"),
    "inventory_type": gettext_lazy("counting of stock"),
    "groups": gettext_lazy("roles"),
    "user_permissions": gettext_lazy("permissions"),
    "session_generation": gettext_lazy("sessions"),
    "user_id": gettext_lazy("account"),
    "product_id": gettext_lazy("product"),
    "customer_id": gettext_lazy("customer"),
    "zone_id": gettext_lazy("shipping zone"),
    "is_staff": gettext_lazy("access to the back office"),
    "is_superuser": gettext_lazy("superuser"),
    "outcome": gettext_lazy("outcome"),
    "hash": gettext_lazy("key"),
    "second_factor": gettext_lazy("second factor"),
    "second_factor_required": gettext_lazy("second factor required"),
    "discount_ceiling": gettext_lazy("discount ceiling"),
}
SENTENCES: dict[str, str | Promise] = {
    Act.ADDED: gettext_lazy("added {type} {object}"),
    Act.DELETED: gettext_lazy("deleted {type} {object}"),
    Act.CHANGED: gettext_lazy("changed {fields} of {object}"),
    Act.STARTED: gettext_lazy("started {object}"),
    Act.STOPPED: gettext_lazy("stopped {object}"),
    Act.RESUMED: gettext_lazy("resumed {object}"),
    Act.RETRIED: gettext_lazy("retried what failed, as {object}"),
    Act.IMPORTED: gettext_lazy("imported {object}"),
    Act.EXPORTED: gettext_lazy("exported {object}"),
    Act.DOWNLOADED: gettext_lazy("downloaded a file of {object}"),
    Act.SENT_AGAIN: gettext_lazy("sent {type} {object} again"),
    Act.ENDED: gettext_lazy("ended the difference of {object}"),
    Act.SIGNED_IN: gettext_lazy("signed in"),
    Act.SIGNED_OUT: gettext_lazy("signed out"),
    Act.SIGN_IN_FAILED: gettext_lazy("failed to sign in as {object}"),
}
ENDED_SESSIONS = gettext_lazy("ended all sessions of {object}")
MAX_FIELDS, MAX_LENGTH, MAX_LINES = 3, 80, 4


def sentence(activity: Activity) -> SafeString:
    text = str(ENDED_SESSIONS if [*activity.changes] == ["session_generation"] else SENTENCES[activity.act])
    values = {"type": _type_name(activity), "object": object_link(activity), "fields": _field_names(activity)}
    return format_html(text, **values)


def object_link(activity: Activity) -> SafeString | str:
    label = activity.object_label or _("something")
    if not activity.object_id or activity.act == Act.DELETED:
        return label
    model = _model(activity)
    if model not in admin.site._registry:  # noqa: SLF001 - Django has no other way to ask before 6.0
        return label
    try:
        link = reverse(f"admin:{activity.object_type.replace('.', '_')}_change", args=[activity.object_id])
    except NoReverseMatch:
        return label
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', link, label)


def change_lines(activity: Activity, *, length: int = MAX_LENGTH, most: int = MAX_LINES) -> SafeString:
    changes = sorted(activity.changes.items())
    shown = changes if len(changes) <= most else changes[: most - 1]
    lines: list[str] = [_line(activity, name, *values, length=length) for name, values in shown]
    if len(shown) < len(changes):
        lines.append(_("and %(count)d more") % {"count": len(changes) - len(shown)})
    if activity.note:
        lines.append(Truncator(activity.note).chars(length * 2))
    shown_lines = format_html_join("", "<div>{}</div>", ((line,) for line in lines))
    return format_html("<div>{}</div>", shown_lines) if lines else SafeString("–")


def _line(activity: Activity, name: str, old: Any, new: Any, *, length: int) -> SafeString:
    title = _capitalized(title_of(activity, name))
    if isinstance(old or new, list):  # what came and went
        before, after = old or [], new or []
        names = {each: country_name(each) if name == "countries" else each for each in [*before, *after]}
        values = [format_html("−{}", names[each]) for each in before if each not in after]
        values += [format_html("+{}", names[each]) for each in after if each not in before]
        return format_html("{}: {}", title, format_html_join(", ", "{}", ((each,) for each in values)))
    if new is True and old is None and activity.act == Act.CHANGED:
        return format_html(_("{}: changed, not kept here"), title)
    shown = [Truncator(_value(activity, name, each)).chars(length) for each in (old, new)]
    if activity.act in {Act.CHANGED, Act.ENDED}:
        return format_html("{}: {} → <strong>{}</strong>", title, *shown)
    return format_html("{}: {}", title, shown[0] if activity.act == Act.DELETED else shown[1])


def _value(activity: Activity, name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return yes_no(value)
    if isinstance(value, int):
        return _money(value, activity.currency) if name in MONEY else f"{value:,}"
    return country_name(value) if name == "country" else _text(_field(activity, name), str(value))


def _text(field: Any, value: str) -> str:
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return _moment(value) if isinstance(field, models.DateTimeField) else value


def _money(value: int, currency: str) -> str:
    try:
        return format_money(value, currency)
    except UnsupportedCurrency:
        return f"{value:,} {currency.upper()}"


def _moment(text: str) -> str:
    at: datetime | None = parse_datetime(text)
    return _plain(moment(at)) if at else text


def _plain(html: str) -> str:
    return html.partition(">")[2].partition("<")[0]


def title_of(activity: Activity, name: str) -> str:
    field = _field(activity, name)
    return str(TITLES.get(name) or (field.verbose_name if field else name))


def _field_names(activity: Activity) -> str:
    names = [title_of(activity, name) for name in sorted(activity.changes)]
    if len(names) > MAX_FIELDS:
        return _("%(count)d fields") % {"count": len(names)}
    first, last = ", ".join(names[:-1]), "".join(names[-1:])
    return _("the %(first)s and %(last)s") % {"first": first, "last": last} if first else _("the %s") % last


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _model(activity: Activity) -> Any:
    try:
        return apps.get_model(activity.object_type)
    except (LookupError, ValueError):  # of a version that had it
        return None


def _field(activity: Activity, name: str) -> Any:
    model = _model(activity)
    try:
        return model._meta.get_field(name) if model else None  # noqa: SLF001 - Django's public Meta API
    except FieldDoesNotExist:
        return None


def type_name(label: str) -> str:
    try:
        return str(apps.get_model(label)._meta.verbose_name)  # noqa: SLF001 - Django's public Meta API
    except (LookupError, ValueError):
        return label


def _type_name(activity: Activity) -> str:
    return type_name(activity.object_type)
