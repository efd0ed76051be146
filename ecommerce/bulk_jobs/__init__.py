"""Mass actions on a frozen selection of orders, worked in slices, with one outcome an order.

The rows are the job; a Celery message only wakes a worker.
"""
