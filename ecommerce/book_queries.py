"""The queries of `ecommerce.books`, by the name of the rule."""

# A succeeded payment's refunds that Stripe accepted, or that were settled outside.
ACCEPTED = "r.status IN ('pending', 'succeeded')"
# What was paid for each order, and how much of it went back. A payment that failed first, and was charged after all, is
# refunded by itself and is none of the order's.
MONEY = f"""
    WITH charged AS (
        SELECT p.invoice_id, count(*) AS payments, sum(p.amount) AS paid, sum(COALESCE(b.back, 0)) AS back,
               sum(COALESCE(b.fees, 0)) AS fees
        FROM billing_payment p
        LEFT JOIN (SELECT r.payment_id, sum(r.amount) AS back, sum(r.fees) AS fees
                   FROM billing_refund r WHERE {ACCEPTED}
                   GROUP BY r.payment_id) b ON b.payment_id = p.id
        WHERE p.status = 'succeeded' GROUP BY p.invoice_id
    ), money AS (
        SELECT o.*, COALESCE(c.payments, 0) AS payments, COALESCE(c.paid, 0) AS paid, COALESCE(c.back, 0) AS back,
               COALESCE(c.fees, 0) AS fees
        FROM ecommerce_order o LEFT JOIN charged c ON c.invoice_id = o.invoice_id
    )
"""
ORDER = "'order ' || o.number"

QUERIES = {
    "payment_refunds": """
        SELECT 'payment ' || COALESCE(p.stripe_payment_intent_id, p.uuid::text),
               format('refunds of %s and fees of %s, kept as %s and %s, of %s', COALESCE(s.refunds, 0),
                      COALESCE(s.fees, 0), p.refunds, p.fees, p.amount)
        FROM billing_payment p
        LEFT JOIN (SELECT payment_id, sum(amount) AS refunds, sum(fees) AS fees FROM billing_refund
                   WHERE status <> 'failed' GROUP BY payment_id) s ON s.payment_id = p.id
        WHERE p.refunds <> COALESCE(s.refunds, 0) OR p.fees <> COALESCE(s.fees, 0) OR p.refunds + p.fees > p.amount
    """,
    "order_charged": f"""
        {MONEY} SELECT {ORDER}, format('%s, %s payments of %s, total %s', o.status, o.payments, o.paid, o.total)
        FROM money o
        WHERE o.paid <> CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.total END
           OR o.payments <> CASE WHEN o.paid_at IS NULL OR o.total = 0 THEN 0 ELSE 1 END
    """,
    "order_invoice": f"""
        SELECT {ORDER}, format('%s, total %s %s; its invoice %s is %s, %s %s, of order %s', o.status, o.total,
               o.currency, COALESCE(i.number, 'none'), i.status, i.total, i.currency, i.reference)
        FROM ecommerce_order o LEFT JOIN billing_invoice i ON i.id = o.invoice_id
        WHERE (i.id IS NULL AND o.paid_at IS NOT NULL)
           OR i.status <> CASE WHEN o.paid_at IS NOT NULL THEN 'paid' WHEN o.status = 'canceled' THEN 'void'
                               ELSE 'open' END
           OR i.total <> o.total OR i.currency <> o.currency OR i.reference <> o.number
           OR i.customer_id <> o.customer_id
        UNION ALL
        SELECT 'invoice ' || i.number, 'no order has it'
        FROM billing_invoice i LEFT JOIN ecommerce_order o ON o.invoice_id = i.id
        -- An order whose price changed before it was paid left its first invoice behind, void.
        WHERE o.id IS NULL
          AND NOT (i.status = 'void' AND EXISTS (SELECT FROM ecommerce_order r WHERE r.number = i.reference))
    """,
    "payment_invoice": """
        SELECT 'payment ' || COALESCE(p.stripe_payment_intent_id, p.uuid::text),
               format('%s %s, invoice %s has %s %s', p.amount, p.currency, i.number, i.total, i.currency)
        FROM billing_payment p JOIN billing_invoice i ON i.id = p.invoice_id
        WHERE p.amount <> i.total OR p.currency <> i.currency
        UNION ALL
        SELECT 'refund ' || COALESCE(r.stripe_refund_id, r.uuid::text),
               format('is in %s, its payment in %s', r.currency, p.currency)
        FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id WHERE r.currency <> p.currency
    """,
    # A refund that failed after the order had changed waits under Needs attention, and so does its second attempt.
    "ended_refunded": f"""
        {MONEY} SELECT {ORDER}, format('%s, %s of %s went back', o.status, o.back, o.paid)
        FROM money o
        WHERE (o.status = 'canceled' OR o.status = 'returned' AND EXISTS (
                -- An order and its invoice have their lines in the same order; what is not shipped does not come back.
                SELECT FROM (SELECT row_number() OVER (ORDER BY id) AS place, shippable
                             FROM ecommerce_orderitem WHERE order_id = o.id) i
                JOIN (SELECT row_number() OVER (ORDER BY id) AS place, quantity > refunded_quantity AND refunded <
                             amount - discount - CASE WHEN prices_include_tax THEN tax ELSE 0 END AS is_left
                      FROM billing_invoiceline WHERE invoice_id = o.invoice_id) l USING (place)
                WHERE i.shippable AND l.is_left))
          AND o.back + o.fees <> o.paid AND NOT EXISTS (
            SELECT FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id
            WHERE p.invoice_id = o.invoice_id AND p.status = 'succeeded' AND r.status IN ('failed', 'requested'))
    """,
    "order_refunded": f"""
        {MONEY} SELECT {ORDER}, format('says %s and fees of %s, refunds of %s and %s', o.amount_refunded, o.fees_kept,
                                       o.back, o.fees)
        FROM money o WHERE o.amount_refunded <> o.back OR o.fees_kept <> o.fees
    """,
    "invoice_refunded": """
        SELECT 'invoice ' || i.number, format('says %s, credit notes of %s', i.amount_refunded, COALESCE(n.amount, 0))
        FROM billing_invoice i
        LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM billing_creditnote WHERE voided_at IS NULL
                   GROUP BY invoice_id) n ON n.invoice_id = i.id
        WHERE i.amount_refunded <> COALESCE(n.amount, 0)
    """,
    "refund_credit_note": f"""
        SELECT 'refund ' || COALESCE(r.stripe_refund_id, r.uuid::text), format('%s has no credit note', r.amount)
        FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id
        LEFT JOIN billing_creditnote n ON n.refund_id = r.id AND n.voided_at IS NULL AND n.amount = r.amount
              AND n.currency = r.currency AND n.invoice_id = p.invoice_id
        WHERE p.status = 'succeeded' AND {ACCEPTED} AND n.id IS NULL
    """,
    "credit_note_refund": f"""
        SELECT 'credit note ' || n.number, format('%s, its refund is %s', n.amount, r.status)
        FROM billing_creditnote n JOIN billing_refund r ON r.id = n.refund_id
        JOIN billing_payment p ON p.id = r.payment_id
        WHERE n.voided_at IS NULL AND NOT ({ACCEPTED} AND p.status = 'succeeded')
    """,
    "open_act": f"""
        SELECT {ORDER}, format('%s has waited since %s for what has ended', a.kind, a.requested_at)
        FROM ecommerce_orderact a JOIN ecommerce_order o ON o.id = a.order_id
        LEFT JOIN billing_payment p ON p.id = a.payment_id LEFT JOIN billing_refund r ON r.id = a.refund_id
        WHERE a.closed_at IS NULL AND (COALESCE(p.closed_at, r.closed_at) IS NOT NULL
              OR COALESCE(a.payment_id, a.refund_id) IS NULL)
        UNION ALL
        SELECT {ORDER}, format('payment %s is %s, and no open act waits for it', p.uuid, p.status)
        FROM billing_payment p JOIN ecommerce_order o ON o.invoice_id = p.invoice_id
        WHERE p.status IN ('requested', 'processing', 'requires_action') AND NOT EXISTS (
            SELECT FROM ecommerce_orderact a WHERE a.payment_id = p.id AND a.closed_at IS NULL)
    """,
    "closed_act": f"""
        SELECT {ORDER}, format('%s is done, the order is %s and its refund %s', a.kind, o.status,
               COALESCE(r.status, 'none'))
        FROM ecommerce_orderact a JOIN ecommerce_order o ON o.id = a.order_id
        LEFT JOIN billing_payment p ON p.id = a.payment_id LEFT JOIN billing_refund r ON r.id = a.refund_id
        WHERE a.outcome = 'done' AND ((a.kind = 'pay' AND (o.paid_at IS NULL OR p.status <> 'succeeded'))
              OR (a.kind = 'return' AND a.lines = '[]' AND o.status <> 'returned')
              OR (a.kind = 'cancel' AND o.status <> 'canceled')
              OR r.status = 'requested')
    """,
    # A return gives stock back, and keeps the coupon.
    "order_stock": f"""
        SELECT {ORDER}, format('%s, and %s', o.status, CASE WHEN o.held_at IS NULL THEN 'holds nothing'
               ELSE 'holds stock and coupon since ' || o.held_at END)
        FROM ecommerce_order o
        LEFT JOIN ecommerce_orderact a ON a.order_id = o.id AND a.closed_at IS NULL AND a.kind = 'pay'
        WHERE (o.held_at IS NOT NULL) <> CASE o.status WHEN 'canceled' THEN false WHEN 'created' THEN a.id IS NOT NULL
              ELSE true END
    """,
    "order_items": f"""
        SELECT {ORDER}, format('%s, and items of %s',
               (o.subtotal, o.discount, o.manual_discount, o.tax - o.shipping_tax),
               (t.amount, t.discount, t.manual, t.tax))
        FROM ecommerce_order o LEFT JOIN (
            SELECT order_id, sum(amount) AS amount, sum(discount) AS discount, sum(manual_discount) AS manual,
                   sum(tax) AS tax
            FROM ecommerce_orderitem GROUP BY order_id
        ) t ON t.order_id = o.id
        WHERE (o.subtotal, o.discount, o.manual_discount, o.tax - o.shipping_tax)
              IS DISTINCT FROM (t.amount, t.discount, t.manual, t.tax)
        UNION ALL
        SELECT 'invoice ' || i.number, format('%s, and lines of %s',
               (i.subtotal, i.discount, i.manual_discount, i.tax - i.shipping_tax),
               (t.amount, t.discount, t.manual, t.tax))
        FROM billing_invoice i LEFT JOIN (
            SELECT invoice_id, sum(amount) AS amount, sum(discount) AS discount, sum(manual_discount) AS manual,
                   sum(tax) AS tax
            FROM billing_invoiceline GROUP BY invoice_id
        ) t ON t.invoice_id = i.id
        WHERE (i.subtotal, i.discount, i.manual_discount, i.tax - i.shipping_tax)
              IS DISTINCT FROM (t.amount, t.discount, t.manual, t.tax)
    """,
    # Item by item and tax by tax: an order, its invoice, and the taxes of each say the same.
    "order_taxes": f"""
        SELECT {ORDER}, format('tax %s, tax lines of %s', o.tax, COALESCE(t.tax, 0))
        FROM ecommerce_order o LEFT JOIN (
            SELECT order_id, sum(amount) AS tax FROM ecommerce_taxline GROUP BY order_id
        ) t ON t.order_id = o.id WHERE o.tax <> COALESCE(t.tax, 0)
        UNION ALL
        SELECT {ORDER}, format('tax %s on item %s, tax lines of %s', i.tax, i.sku_code, t.tax)
        FROM (SELECT item_id, sum(amount) AS tax FROM ecommerce_taxline WHERE item_id IS NOT NULL GROUP BY item_id) t
        JOIN ecommerce_orderitem i ON i.id = t.item_id JOIN ecommerce_order o ON o.id = i.order_id
        WHERE i.tax <> t.tax
        UNION ALL
        SELECT 'invoice ' || i.number, format('tax %s, taxes of %s', i.tax, COALESCE(t.tax, 0))
        FROM billing_invoice i LEFT JOIN (
            SELECT invoice_id, sum(amount) AS tax FROM billing_invoicetax GROUP BY invoice_id
        ) t ON t.invoice_id = i.id WHERE i.tax <> COALESCE(t.tax, 0)
        UNION ALL
        SELECT 'invoice ' || i.number, format('tax %s on line %s, taxes of %s', l.tax, l.sku_code, t.tax)
        FROM (SELECT line_id, sum(amount) AS tax FROM billing_invoicetax WHERE line_id IS NOT NULL GROUP BY line_id) t
        JOIN billing_invoiceline l ON l.id = t.line_id JOIN billing_invoice i ON i.id = l.invoice_id
        WHERE l.tax <> t.tax
    """,
    # Where Stripe Tax computed the taxes, it is to hear of each sale, and of each refund that stands.
    "tax_recorded": f"""
        SELECT {ORDER}, 'paid, and Stripe Tax is to record nothing'
        FROM ecommerce_order o
        WHERE o.tax_calculation_id <> '' AND o.paid_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM billing_taxtransaction t WHERE t.invoice_id = o.invoice_id AND t.kind = 'transaction')
        UNION ALL
        SELECT 'refund ' || COALESCE(r.stripe_refund_id, r.uuid::text), 'Stripe Tax is to take nothing back for it'
        FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id AND p.status = 'succeeded'
        JOIN billing_taxtransaction s ON s.invoice_id = p.invoice_id AND s.kind = 'transaction'
        WHERE {ACCEPTED} AND NOT EXISTS (
            SELECT FROM billing_taxtransaction t WHERE t.refund_id = r.id AND t.kind = 'reversal')
    """,
    "refund_allocations": f"""
        SELECT 'refund ' || COALESCE(r.stripe_refund_id, r.uuid::text),
               format('%s and fees of %s, rows of fees %s, allocated %s', r.amount, r.fees, COALESCE(f.amount, 0),
                      COALESCE(a.amount, 0))
        FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id AND p.status = 'succeeded'
        LEFT JOIN (SELECT refund_id, sum(amount) AS amount FROM billing_refundallocation GROUP BY refund_id) a
               ON a.refund_id = r.id
        LEFT JOIN (SELECT refund_id, sum(amount) AS amount FROM billing_refundfee GROUP BY refund_id) f
               ON f.refund_id = r.id
        WHERE {ACCEPTED} AND (r.amount + r.fees <> COALESCE(a.amount, 0) OR r.fees <> COALESCE(f.amount, 0))
    """,
    "cells_refunded": """
        SELECT 'invoice ' || i.number, format('%s of line %s kept as refunded, allocations of %s',
               (l.refunded, l.refunded_quantity), l.sku_code, (a.amount, a.quantity))
        FROM billing_invoiceline l JOIN billing_invoice i ON i.id = l.invoice_id
        LEFT JOIN (
            SELECT c.invoice_line_id, sum(c.amount) AS amount, sum(c.quantity) AS quantity
            FROM billing_refundallocation c JOIN billing_refund r ON r.id = c.refund_id AND r.status <> 'failed'
            WHERE c.invoice_tax_id IS NULL GROUP BY 1
        ) a ON a.invoice_line_id = l.id
        WHERE (l.refunded, l.refunded_quantity) <> (COALESCE(a.amount, 0), COALESCE(a.quantity, 0))
        UNION ALL
        SELECT 'invoice ' || i.number, format('%s of a tax kept as refunded, allocations of %s', t.refunded, a.amount)
        FROM billing_invoicetax t JOIN billing_invoice i ON i.id = t.invoice_id
        LEFT JOIN (
            SELECT c.invoice_tax_id, sum(c.amount) AS amount
            FROM billing_refundallocation c JOIN billing_refund r ON r.id = c.refund_id AND r.status <> 'failed'
            GROUP BY 1
        ) a ON a.invoice_tax_id = t.id
        WHERE t.refunded <> COALESCE(a.amount, 0)
        UNION ALL
        SELECT 'invoice ' || i.number,
               format('%s of the shipping kept as refunded, allocations of %s', i.shipping_refunded, a.amount)
        FROM billing_invoice i
        LEFT JOIN (
            SELECT p.invoice_id, sum(c.amount) AS amount
            FROM billing_refundallocation c JOIN billing_refund r ON r.id = c.refund_id AND r.status <> 'failed'
            JOIN billing_payment p ON p.id = r.payment_id
            WHERE c.invoice_line_id IS NULL AND c.invoice_tax_id IS NULL GROUP BY 1
        ) a ON a.invoice_id = i.id
        WHERE i.shipping_refunded <> COALESCE(a.amount, 0)
    """,
    # Triggers keep these sums; that nothing is left to send of a fulfilled order, the acts.
    "items_sent": f"""
        SELECT {ORDER}, format('%s of item %s is sent and %s returned, parcels hold %s, returns %s', i.fulfilled,
               i.sku_code, i.returned, COALESCE(s.units, 0), COALESCE(b.units, 0))
        FROM ecommerce_orderitem i JOIN ecommerce_order o ON o.id = i.order_id
        LEFT JOIN (SELECT c.item_id, sum(c.quantity) AS units FROM ecommerce_fulfillmentitem c
                   JOIN ecommerce_fulfillment f ON f.id = c.fulfillment_id AND f.voided_at IS NULL
                   GROUP BY 1) s ON s.item_id = i.id
        LEFT JOIN (SELECT item_id, sum(received) AS units FROM ecommerce_returnitem GROUP BY 1) b ON b.item_id = i.id
        WHERE (i.fulfilled, i.returned) IS DISTINCT FROM (COALESCE(s.units, 0), COALESCE(b.units, 0))
    """,
    "order_sent": f"""
        SELECT {ORDER}, format('%s%s, %s of its items are sent and %s left to send', o.status,
               ' ' || NULLIF(o.fulfillment_state, ''), i.sent, i.unsent)
        FROM ecommerce_order o JOIN (
            SELECT order_id, sum(fulfilled) AS sent,
                   COALESCE(sum(quantity - fulfilled - canceled) FILTER (WHERE shippable), 0) AS unsent
            FROM ecommerce_orderitem GROUP BY 1
        ) i ON i.order_id = o.id
        WHERE (o.status IN ('fulfilled', 'returned', 'canceled') AND i.unsent > 0)
           OR (o.status IN ('created', 'canceled') AND i.sent > 0)
           OR (o.status = 'paid' AND (i.sent > 0) <> (o.fulfillment_state = 'partial'))
    """,
    "coupon_uses": """
        SELECT 'coupon ' || c.code, format('%s orders hold it, %s redemptions, of at most %s', count(o.id),
               c.times_redeemed, c.max_redemptions)
        FROM ecommerce_coupon c LEFT JOIN ecommerce_order o ON o.coupon_id = c.id AND o.held_at IS NOT NULL
        GROUP BY c.id HAVING count(o.id) <> c.times_redeemed OR c.times_redeemed > c.max_redemptions
    """,
    "stock_below_zero": """
        SELECT 'SKU ' || code, inventory_quantity::text FROM ecommerce_sku WHERE inventory_quantity < 0
    """,
    "job_outcome": """
        SELECT 'job ' || j.id || ', order ' || o.number,
               format('%s, and the order is %s after %s', i.status, o.status, j.action)
        FROM ecommerce_bulkjobitem i JOIN ecommerce_bulkjob j ON j.id = i.job_id
        JOIN ecommerce_order o ON o.id = i.order_id
        WHERE (j.status IN ('succeeded', 'partial', 'failed') AND i.status IN ('pending', 'working'))
           OR (i.status = 'done' AND ((j.action = 'cancel' AND o.status <> 'canceled')
               OR (j.action = 'return' AND o.status <> 'returned')
               OR (j.action = 'fulfill' AND o.fulfilled_at IS NULL AND NOT EXISTS (
                   SELECT FROM ecommerce_orderevent e WHERE e.order_id = o.id AND e.kind = 'fulfillment_undone'))))
    """,
    "numbers": """
        SELECT 'invoices', format('%s was issued, the counter is at %s', h.highest, h.counter) FROM (
            SELECT max(substring(number FROM '^\\D+(?:\\d{4}-)?(\\d{1,15})$')::bigint) AS highest,
                   COALESCE((SELECT value FROM billing_counter WHERE name = 'invoice'), 0) AS counter
            FROM billing_invoice) h WHERE h.highest > h.counter
        UNION ALL
        SELECT 'credit notes', format('%s was issued, the counter is at %s', h.highest, h.counter) FROM (
            SELECT max(substring(number FROM '^\\D+(?:\\d{4}-)?(\\d{1,15})$')::bigint) AS highest,
                   COALESCE((SELECT value FROM billing_counter WHERE name = 'credit_note'), 0) AS counter
            FROM billing_creditnote) h WHERE h.highest > h.counter
        UNION ALL
        SELECT 'orders', format('%s was issued, the sequence is at %s', h.highest, h.counter) FROM (
            SELECT max(substring(number FROM '^(\\d{1,15})$')::bigint) AS highest,
                   (SELECT last_value FROM ecommerce_order_number) AS counter FROM ecommerce_order) h
        WHERE h.highest > h.counter
    """,
}
