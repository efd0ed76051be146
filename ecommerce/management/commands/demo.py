"""The demo data: a plausible shop, created by the real acts and Stripe."""

import random
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice import database_clock
from customers.mail.notify import notifying
from ecommerce.management.demo.activity import act_as_staff
from ecommerce.management.demo.catalogue import create_coupons, create_products
from ecommerce.management.demo.mails import write_mails
from ecommerce.management.demo.orders import DAYS, DemoShop, create_orders
from ecommerce.management.demo.organize import organize_orders
from ecommerce.management.demo.parcels import send_parts
from ecommerce.management.demo.people import create_customers, create_staff
from ecommerce.management.demo.returns import create_returns
from ecommerce.management.demo.seller import create_seller
from ecommerce.management.demo.shipping import create_shipping
from ecommerce.management.demo.taxes import create_taxes, name_a_business
from ecommerce.models import Order

SEED = 1815


class Command(BaseCommand):
    help = "Fill an empty database with a demo shop: staff of each role, customers, products, coupons, 300 orders."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if "_live_" in settings.STRIPE_SECRET_KEY:
            raise CommandError("STRIPE_SECRET_KEY is a live key: the demo would charge real cards.")
        if not settings.EMBEDDED_DATABASE:
            raise CommandError(
                "DATABASE_URL is set: the demo's passwords are public, so it fills the embedded one only."
            )
        if Order.objects.exists():
            raise CommandError("There are orders already: the demo fills an empty database only.")
        now = database_clock.now()
        opened = now - timedelta(days=DAYS + 5)
        rng = random.Random(SEED)  # noqa: S311 - the same shop each time
        skus = create_products(at=opened)
        create_coupons(at=opened, today=now)
        create_shipping()
        create_seller(opened=opened)
        create_taxes()
        staff = create_staff()
        customers = create_customers(rng, at=opened)
        name_a_business(customers, at=opened)
        shop = DemoShop(rng=rng, staff=staff, customers=customers, skus=skus, now=now)
        with notifying(False):
            create_orders(shop)
            create_returns(shop)
            organize_orders(shop)
            send_parts(rng, by=shop.by("fulfillment"), now=now)
        write_mails()
        act_as_staff(staff)
        self.stdout.write(f"{Order.objects.count()} orders; sign in as admin / admin, or ada@example.com in the shop.")
