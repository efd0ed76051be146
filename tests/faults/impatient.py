"""The settings of programs that wait less long for Stripe: what takes longer times out, and is done all the same."""

from pelcro_orders.settings import *  # noqa: F403 - all of them

STRIPE_TIMEOUTS = (3.0, 1.5)
