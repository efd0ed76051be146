"""The one signal from billing up to ecommerce."""

from django.dispatch import Signal

# Sent outside any transaction with `results`, a list of StripeResult or Notice, and `at`, when they were received.
# Its one receiver opens the transaction that applies them, and returns nothing.
results_received = Signal()
