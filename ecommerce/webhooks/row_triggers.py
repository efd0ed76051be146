"""The triggers that tell of customers, stock, and returns that are written closed: what orders' history does not hold.

They tell of rows that changed, whoever changed them.
"""

from dataclasses import dataclass

from ecommerce.webhooks.triggers import function_sql

SEQUENCE = "CREATE SEQUENCE IF NOT EXISTS ecommerce_webhook_sequence"
REMOVE_SEQUENCE = "DROP SEQUENCE IF EXISTS ecommerce_webhook_sequence"
TRIGGER = """
DROP TRIGGER IF EXISTS {name} ON {table};
CREATE TRIGGER {name} AFTER {operation} ON {table} REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""
TRANSITION_TABLES = {
    "INSERT": "NEW TABLE AS written",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS written",
    "DELETE": "OLD TABLE AS removed",
}
# Who did it is known where it is recorded in Activity; what no person or program did, the system did.
HAPPENED = """
        SELECT f.type, '{object}' AS object_type, f.id AS object_id, '{object}-' || f.id AS stream,
            nextval('ecommerce_webhook_sequence') AS sequence,
            coalesce((SELECT a.kind FROM (SELECT activity_origin() ->> 'by_kind' AS kind) a
                WHERE a.kind IN ('staff', 'customer', 'api_key', 'stripe')), 'system') AS triggered_from
        FROM ({found}) f
    """
# The columns that an event of a customer shows. An erased one is told of once, as deleted.
CUSTOMER_CHANGED = """
            SELECT w.id, CASE WHEN w.erased_at IS NULL THEN 'customer.updated' ELSE 'customer.deleted' END AS type
            FROM removed o JOIN written w ON w.id = o.id
            WHERE o.erased_at IS NULL AND (w.erased_at IS NOT NULL
                OR (w.email, w.first_name, w.last_name, w.phone, w.tax_id)
                    IS DISTINCT FROM (o.email, o.first_name, o.last_name, o.phone, o.tax_id))
        """
ADDRESS_CHANGED = """
            SELECT DISTINCT c.id, 'customer.updated' AS type
            FROM {rows} a JOIN customers_customer c ON c.id = a.customer_id AND c.erased_at IS NULL
        """
# Once when it becomes low, and again only after it was not.
STOCK_BECAME_LOW = """
            SELECT w.id, 'stock.low' AS type
            FROM removed o JOIN written w ON w.id = o.id CROSS JOIN ecommerce_shopsettings s
            WHERE w.active AND w.inventory_type = 'finite'
                AND w.inventory_quantity <= coalesce(w.low_stock_at, s.low_stock_at)
                AND NOT (o.inventory_type = 'finite'
                    AND o.inventory_quantity <= coalesce(o.low_stock_at, s.low_stock_at))
        """
# The return of a whole order is written closed, and has no entry of its own in the order's history, whose numbers it
# takes part in: its order is locked.
RETURN_WRITTEN_CLOSED = """
        SELECT 'return.closed' AS type, 'return' AS object_type, w.id AS object_id, 'order-' || w.order_id AS stream,
            nextval('ecommerce_orderevent_id_seq') AS sequence, w.by_kind AS triggered_from
        FROM written w WHERE w.status = 'closed'
    """


@dataclass(frozen=True, slots=True)
class RowTrigger:
    """A statement-level trigger of a table; `events` selects what it queues."""

    table: str
    operation: str
    events: str

    @property
    def name(self) -> str:
        """Of the trigger and its function."""
        return f"webhooks_of_{self.table}_{self.operation.lower()}"

    def install_sql(self) -> str:
        """Return SQL that may be run again."""
        tables = TRANSITION_TABLES[self.operation]
        trigger = TRIGGER.format(name=self.name, table=self.table, operation=self.operation, tables=tables)
        return function_sql(self.name, self.events) + trigger

    def remove_sql(self) -> str:
        """Return SQL that removes the function with its trigger."""
        return f"DROP FUNCTION IF EXISTS {self.name}() CASCADE;"


def _of_customers(found: str) -> str:
    return HAPPENED.format(object="customer", found=found)


ROW_TRIGGERS = (
    RowTrigger("customers_customer", "INSERT", _of_customers("SELECT w.id, 'customer.created' AS type FROM written w")),
    RowTrigger("customers_customer", "UPDATE", _of_customers(CUSTOMER_CHANGED)),
    RowTrigger(
        "customers_customer",
        "DELETE",
        _of_customers("SELECT o.id, 'customer.deleted' AS type FROM removed o WHERE o.erased_at IS NULL"),
    ),
    RowTrigger("customers_address", "INSERT", _of_customers(ADDRESS_CHANGED.format(rows="written"))),
    RowTrigger("customers_address", "UPDATE", _of_customers(ADDRESS_CHANGED.format(rows="written"))),
    RowTrigger("customers_address", "DELETE", _of_customers(ADDRESS_CHANGED.format(rows="removed"))),
    RowTrigger("ecommerce_sku", "UPDATE", HAPPENED.format(object="sku", found=STOCK_BECAME_LOW)),
    RowTrigger("ecommerce_return", "INSERT", RETURN_WRITTEN_CLOSED),
)
