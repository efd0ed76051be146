"""The one thing that travels upwards: "Stripe answered this"."""

from django.dispatch import Signal

# Sent outside any transaction with `answers`, a list of PaymentAnswer and RefundAnswer, and `at`, when they were heard.
# Its one receiver opens the transaction that finishes them, and returns nothing.
results_received = Signal()
