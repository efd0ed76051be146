"""The whole run: generate orders and measure, at each size; write the figures as JSON and as a table."""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import (
    api_orders,
    bulk_cancel,
    bulk_click,
    bulk_fulfill,
    chart,
    export,
    invoices,
    lanes,
    mixed,
    orders,
    pages,
    parallel_workers,
    refunds,
    tracking_files,
    webhooks,
)
from benchmarks.figures import Figure, table, write
from benchmarks.shop import Shop, fake_stripe
from benchmarks.targets import check_targets
from pelcro_orders.config import BASE_DIR

RESULTS = BASE_DIR / "benchmarks" / "results" / "latest.json"
CHART = BASE_DIR / "docs" / "benchmarks.svg"
SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ROUNDS, QUICK_ROUNDS = 15, 2
QUICK_CANCELS = 12
QUICK_INVOICES = 10
QUICK_LANE_SECONDS = 2
QUICK_WEBHOOK_SECONDS = 2
QUICK_MIXED_SECONDS = 2


def main(arguments: Sequence[str]) -> int:
    """Measure at this size, and at the named sizes below it."""
    options = _parse(arguments)
    figures: list[Figure] = []
    sizes = _sizes_up_to(options.size)
    for figure in measure_all(sizes, quick=options.quick, mixed_seconds=options.mixed_seconds):
        figures.append(figure)
        write(figures, options.output)  # after each: an interrupted run leaves what it measured
    print("\n" + table(figures) + "\n")
    if not options.quick:
        print("\n".join(map(str, check_targets(figures))))
    if options.chart:
        CHART.write_text(chart.svg(figures), encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", default="100k", help="10k, 100k, 1m, or a number of orders")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it runs, not how fast")
    parser.add_argument("--mixed-seconds", type=int, default=mixed.SECONDS, help="1800 for a soak of half an hour")
    parser.add_argument("--chart", action="store_true", help=f"draw {CHART.relative_to(BASE_DIR)}, too")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go, as JSON")
    return parser.parse_args(arguments)


def _sizes_up_to(size: str) -> dict[str, int]:
    """All named sizes up to this one: whether a page stays flat shows within one run only."""
    count = SIZES.get(size) or int(size)
    return {name: number for name, number in {**SIZES, size: count}.items() if number < count or name == size}


def measure_all(sizes: dict[str, int], *, quick: bool, mixed_seconds: int = mixed.SECONDS) -> Iterator[Figure]:
    fake_stripe().faults(webhooks="off")  # no web process runs to receive them
    user, rounds = orders.get_user(), QUICK_ROUNDS if quick else ROUNDS
    for size, count in sizes.items():
        _log(f"generating up to {count:,} orders")
        orders.generate_up_to(count)
        orders.vacuum()
        _log(f"pages at {size}")
        # A user who started no job: the banner of each page would show those of the size before.
        yield from pages.figures(orders.sample(orders.get_user("reader")), size=size, rounds=rounds)
        _log(f"export at {size}")
        yield from export.figures(user, size=size)
        _log(f"bulk fulfill at {size}")
        yield from bulk_fulfill.figures(user, size=size)
        _log(f"invoices as PDF at {size}")
        yield from invoices.figures(user, size=size, limit=QUICK_INVOICES if quick else invoices.LIMIT)
        _log(f"tracking file at {size}")
        yield from tracking_files.figures(user, size=size)
        _log(f"click to done at {size}")
        yield from bulk_click.figures(user, size=size)
    _log("several workers on one job")
    yield from parallel_workers.figures(user, size=size)
    _log("orders over the API")
    shop = Shop.create(user)
    yield from api_orders.figures(shop, size=size, rounds=rounds)
    yield from refunds.figures(shop, size=size, rounds=rounds)
    _log("webhooks with one endpoint of ten dead")
    yield from webhooks.figures(shop, size=size, seconds=QUICK_WEBHOOK_SECONDS if quick else webhooks.SECONDS)
    _log("bulk cancel")
    stock_orders = 2 if quick else bulk_cancel.STOCK_ORDERS
    yield from bulk_cancel.figures(shop, size=size, orders=QUICK_CANCELS if quick else None, stock_orders=stock_orders)
    _log("orders over the API under a bulk cancel, and the lanes of calls to Stripe")
    seconds = QUICK_LANE_SECONDS if quick else lanes.LANE_SECONDS
    yield from lanes.figures(shop, size=size, rounds=rounds if quick else lanes.ROUNDS, seconds=seconds)
    _log("pages and orders over the API while jobs run")
    seconds = QUICK_MIXED_SECONDS if quick else mixed_seconds
    yield from mixed.figures(shop, orders.sample(orders.get_user("reader")), size=size, seconds=seconds)


STARTED = time.monotonic()


def _log(message: str) -> None:
    print(f"{time.monotonic() - STARTED:5.0f} s  {message}", flush=True)
