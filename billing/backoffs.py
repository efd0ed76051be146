"""How long to wait after a failed attempt of each kind."""

from datetime import timedelta

from backoffice.leases import Backoff

# With the 15 s between two sweeps, one of many is tried within half a minute of Stripe's return, and wakes the others.
OPERATION = Backoff(first=timedelta(seconds=0.5), longest=timedelta(seconds=20))
# A charge that Stripe itself waits for the bank with.
UNDECIDED = Backoff(first=timedelta(seconds=15), longest=timedelta(hours=12), jitter=0.3)
EVENT = Backoff(first=timedelta(seconds=2), longest=timedelta(hours=1), jitter=0.5)
