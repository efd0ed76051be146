"""What the web server serves: Django, behind the limits of the edge."""

from pelcro_orders.edge.application import Edge
from pelcro_orders.wsgi import application as django_application

application = Edge(django_application)
