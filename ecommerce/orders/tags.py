"""Tag orders, one or many: tags that don't exist yet are made."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Order, OrderEvent, Tag
from ecommerce.models.id_arrays import array_of
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import new_event

MAX_NAME_LENGTH = 40
MAX_TAGS = 20  # in one act

ADD = """
INSERT INTO ecommerce_ordertag (order_id, tag_id)
SELECT o, t FROM unnest(%s::bigint[]) o CROSS JOIN unnest(%s::bigint[]) t ORDER BY o, t
ON CONFLICT (order_id, tag_id) DO NOTHING RETURNING order_id, tag_id
"""
REMOVE = """
DELETE FROM ecommerce_ordertag WHERE order_id = ANY(%s::bigint[]) AND tag_id = ANY(%s::bigint[])
RETURNING order_id, tag_id
"""


def tag(*, order_id: int, add: Sequence[str] = (), remove: Sequence[str] = (), by: Actor, at: datetime) -> Order:
    """Add and remove tags of an order by their names; raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        change_tags([order], add=clean_names(add), remove=clean_names(remove), by=by, at=at)
    return order


def clean_names(names: Iterable[str]) -> list[str]:
    """Return names without repetitions and surplus spaces, split at commas; raise OrderError."""
    found: dict[str, str] = {}
    for name in (" ".join(part.split()) for each in names for part in each.split(",")):
        if len(name) > MAX_NAME_LENGTH:
            sentence = _("A tag has at most %(most)d letters; shorten “%(name)s”.")
            raise OrderError("invalid_tag", sentence % {"most": MAX_NAME_LENGTH, "name": name[:60]}, field="tags")
        if name:
            found.setdefault(name.lower(), name)
    if len(found) > MAX_TAGS:
        raise OrderError("invalid_tag", _("Give at most %(most)d tags at once.") % {"most": MAX_TAGS}, field="tags")
    return list(found.values())


def change_tags(
    orders: Sequence[Order], *, add: Sequence[str], remove: Sequence[str], by: Actor, at: datetime
) -> set[int]:
    """Write the tags of orders that the caller has locked, with an event for each that changes; return their ids."""
    tags = {**_existing(remove), **_made(add)}
    added, removed = (_ids_of(tags, names) for names in (add, remove))
    changes: dict[int, dict[str, list[str]]] = defaultdict(lambda: {"added": [], "removed": []})
    name_of = {each.pk: each.name for each in tags.values()}
    ids = array_of(order.pk for order in orders)
    with connection.cursor() as cursor:
        for sql, which, tag_ids in ((REMOVE, "removed", removed), (ADD, "added", added)):
            cursor.execute(sql, [ids, array_of(tag_ids)])
            for order_id, tag_id in cursor.fetchall():
                changes[order_id][which].append(name_of[tag_id])
    changed = [order for order in orders if order.pk in changes]
    kind = OrderEvent.Kind.TAGS_CHANGED
    OrderEvent.objects.bulk_create(new_event(order, kind, by=by, at=at, **changes[order.pk]) for order in changed)
    return set(changes)


def _existing(names: Sequence[str]) -> dict[str, Tag]:
    found = Tag.objects.alias(lowered=Lower("name")).filter(lowered__in=[name.lower() for name in names])
    return {each.name.lower(): each for each in found}


def _made(names: Sequence[str]) -> dict[str, Tag]:
    found = _existing(names)
    missing = [Tag(name=name) for name in names if name.lower() not in found]
    if missing:
        # Another one may be making the same tag.
        Tag.objects.bulk_create(missing, ignore_conflicts=True)
        found = _existing(names)
    return found


def _ids_of(tags: dict[str, Tag], names: Sequence[str]) -> list[int]:
    return [tags[name.lower()].pk for name in names if name.lower() in tags]
