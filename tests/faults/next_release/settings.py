"""The settings of the next release."""

from pelcro_orders.settings import *  # noqa: F403
from pelcro_orders.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.next_release"]
