"""python -m pelcro_orders.lint_migrations: say what is wrong with the migrations since the last release."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pelcro_orders.settings")
django.setup()

from pelcro_orders.lint_migrations.new import report  # noqa: E402 - it needs the apps

found = report()
sys.stderr.write(found)
sys.exit(1 if found else 0)
