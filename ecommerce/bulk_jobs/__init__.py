"""Mass actions. The rows are the job: slices of a frozen selection, one outcome an order. Celery only rings."""
