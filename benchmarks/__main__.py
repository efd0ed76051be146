"""`python -m benchmarks --size 10k`; `make bench` runs it beside PostgreSQL, Redis and a fake Stripe of its own."""

import os
import sys
from importlib import import_module

import django

from pelcro_orders.startup import collect_garbage_seldom

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "pelcro_orders.settings"
    django.setup()
    run = import_module("benchmarks.run")
    collect_garbage_seldom()  # as the server does first
    sys.exit(run.main(sys.argv[1:]))
