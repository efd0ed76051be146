"""Synthetic orders, for benchmarks."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ecommerce.management.benchmark_data.orders import OrderGenerator


class Command(BaseCommand):
    help = "Write N synthetic orders with customers, invoices and payments that agree with them; Stripe is not called."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, metavar="N", help="how many orders")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same orders")

    def handle(self, *_args: Any, count: int, seed: int, **_options: Any) -> None:
        if "_live_" in settings.STRIPE_SECRET_KEY:
            raise CommandError("STRIPE_SECRET_KEY is a live key: Stripe knows nothing of generated payments.")
        if count < 1:
            raise CommandError("Say how many orders, for example 10000.")
        started = time.monotonic()
        for written in OrderGenerator(count=count, seed=seed, now=timezone.now()).write():
            self.stdout.write(f"{written:,} orders, {time.monotonic() - started:.0f} s")
