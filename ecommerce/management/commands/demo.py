"""The demo data: a plausible shop, made through the real acts and Stripe."""

import random
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ecommerce.management.demo.catalogue import print_coupons, stock_shelves
from ecommerce.management.demo.orders import DAYS, Shop, trade
from ecommerce.management.demo.people import hire, invite
from ecommerce.models import Order

SEED = 1815


class Command(BaseCommand):
    help = "Fill an empty database with a demo shop: staff of each role, customers, products, coupons, 300 orders."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if "_live_" in settings.STRIPE_SECRET_KEY:
            raise CommandError("STRIPE_SECRET_KEY is a live key: the demo would charge real cards.")
        if Order.objects.exists():
            raise CommandError("There are orders already: the demo fills an empty database only.")
        now = timezone.now()
        opened = now - timedelta(days=DAYS + 5)
        dice = random.Random(SEED)  # noqa: S311 - the same shop each time
        skus = stock_shelves(at=opened)
        print_coupons(at=opened, today=now)
        staff = hire()
        trade(Shop(dice=dice, staff=staff, customers=invite(dice, at=opened), skus=skus, now=now))
        self.stdout.write(f"{Order.objects.count()} orders; sign in as admin / admin, or ada@example.com in the shop.")
