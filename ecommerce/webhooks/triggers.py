"""The triggers that write deliveries: in the transaction of what they tell, by one statement for all its rows.

No act has a statement more for it and none can be forgotten, whoever writes the rows: acts, bulk statements, SQL by
hand. Where no endpoint wants an event, nothing is written.
"""

from ecommerce.webhooks.events import EVENT_TYPES, TYPE_OF_KIND

DAYS_KEPT_WHILE_OFF = 7
"""How long an endpoint that is switched off goes on collecting what it can be sent when it is switched on again."""

# Each event has one id, the same for all endpoints: MATERIALIZED, or it would be made anew for each of them.
QUEUE = """
    IF NOT EXISTS (SELECT FROM ecommerce_webhookendpoint) THEN
        RETURN NULL;
    END IF;
    WITH happened AS MATERIALIZED (
        SELECT 'evt_' || replace(gen_random_uuid()::text, '-', '') AS event_id, e.* FROM ({events}) e
    )
    INSERT INTO ecommerce_webhookdelivery
        (endpoint_id, event_id, type, object_type, object_id, stream, sequence, triggered_from)
    SELECT p.id, h.event_id, h.type, h.object_type, h.object_id, h.stream, h.sequence, h.triggered_from
    FROM happened h JOIN ecommerce_webhookendpoint p
        ON (p.event_types = '{{}}' OR h.type = ANY(p.event_types))
        AND (p.active OR p.switched_off_at > statement_timestamp() - interval '{days} days')
    ORDER BY h.sequence, p.id;
"""
FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{body}    RETURN NULL;
END $$;
"""
# The sequence is the id of the entry: whoever writes one holds the order's lock, so it grows with each of an order.
ORDER_EVENTS = """
        SELECT m.type, CASE WHEN o.id IS NULL THEN 'order' ELSE m.object_type END AS object_type,
            coalesce(o.id, w.order_id) AS object_id, 'order-' || w.order_id AS stream, w.id AS sequence,
            w.by_kind AS triggered_from
        FROM written w JOIN (VALUES {mapping}) m(kind, type, object_type) ON m.kind = w.kind
        CROSS JOIN LATERAL (SELECT CASE m.object_type
            WHEN 'refund' THEN (w.data ->> 'refund_id')::bigint
            WHEN 'dispute' THEN (w.data ->> 'payment_id')::bigint
            WHEN 'return' THEN (SELECT r.id FROM ecommerce_return r WHERE r.number = w.data ->> 'return')
        END AS id) o
    """
ORDER_FUNCTION = "webhooks_of_orderevent"
ORDER_TRIGGER = f"""
DROP TRIGGER IF EXISTS webhooks_insert ON ecommerce_orderevent;
CREATE TRIGGER webhooks_insert AFTER INSERT ON ecommerce_orderevent
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION {ORDER_FUNCTION}();
"""
REMOVE_ORDER_TRIGGER = f"DROP FUNCTION IF EXISTS {ORDER_FUNCTION}() CASCADE;"


def function_sql(name: str, events: str) -> str:
    """Return SQL of a trigger's function that queues events; it may be run again.

    `events` selects type, object_type, object_id, stream, sequence and triggered_from.
    """
    return FUNCTION.format(name=name, body=QUEUE.format(events=events, days=DAYS_KEPT_WHILE_OFF))


def order_function_sql() -> str:
    """Return SQL of the function that tells of the history of orders, made from the mapping of events.py."""
    rows = ((kind.value, type_, EVENT_TYPES[type_]) for kind, type_ in TYPE_OF_KIND.items())
    mapping = ", ".join("({})".format(", ".join(f"'{each}'" for each in row)) for row in rows)
    return function_sql(ORDER_FUNCTION, ORDER_EVENTS.format(mapping=mapping))
