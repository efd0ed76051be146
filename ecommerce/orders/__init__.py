"""The acts on orders, one module each, in three steps.

Request: one transaction that locks the order, checks it, and writes an act with its payment or refund. Execute:
outside any transaction, call Stripe. Apply: one transaction that makes the result true, once. A function that raises
OrderError has changed nothing.
"""
