"""`python -m benchmarks --size 10k`; `make bench` runs it beside PostgreSQL, Redis and a fake Stripe of its own."""

import os
import sys
from importlib import import_module

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "pelcro_orders.settings"
    django.setup()
    sys.exit(import_module("benchmarks.run").main(sys.argv[1:]))
