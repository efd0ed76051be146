"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from pelcro_orders.startup import prepare

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pelcro_orders.settings")

application = get_wsgi_application()
prepare()
