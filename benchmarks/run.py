"""The whole run: generate orders and measure, at each size; write the figures as JSON and as a table."""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
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
SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
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
    for figure in measure(options):
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
    parser.add_argument("--size", default="100k", help="10k, 100k, 1m, 10m, or a number of orders")
    parser.add_argument("--only", nargs="+", choices=[*AT_EACH_SIZE, *ONCE], help="these parts alone")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it runs, not how fast")
    parser.add_argument("--mixed-seconds", type=int, default=mixed.SECONDS, help="1800 for a soak of half an hour")
    parser.add_argument("--chart", action="store_true", help=f"draw {CHART.relative_to(BASE_DIR)}, too")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go, as JSON")
    return parser.parse_args(arguments)


def _sizes_up_to(size: str) -> dict[str, int]:
    """All named sizes up to this one: whether a page stays flat shows within one run only."""
    count = SIZES.get(size) or int(size)
    return {name: number for name, number in {**SIZES, size: count}.items() if number < count or name == size}


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    fake_stripe().faults(webhooks="off")  # no web process runs to receive them
    run = Run(options)
    for run.size, count in _sizes_up_to(options.size).items():
        _log(f"generating up to {count:,} orders")
        orders.generate_up_to(count)
        orders.vacuum()
        yield from _figures(run, AT_EACH_SIZE)
    yield from _figures(run, ONCE)


class Run:
    """What the parts measure with."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.size = ""
        self.quick: bool = options.quick
        self.only: list[str] | None = options.only
        self.rounds = QUICK_ROUNDS if self.quick else ROUNDS
        self.mixed_seconds = QUICK_MIXED_SECONDS if self.quick else options.mixed_seconds
        self.user = orders.get_user()

    @cached_property
    def shop(self) -> Shop:
        return Shop.create(self.user)

    @property
    def sample(self) -> orders.Sample:
        """Of a user who started no job: the banner of each page would show those of the size before."""
        return orders.sample(orders.get_user("reader"))


Part = Callable[[Run], Iterable[Figure]]


def _pages(run: Run) -> Iterable[Figure]:
    return pages.figures(run.sample, size=run.size, rounds=run.rounds)


def _invoices(run: Run) -> Iterable[Figure]:
    return invoices.figures(run.user, size=run.size, limit=QUICK_INVOICES if run.quick else invoices.LIMIT)


def _webhooks(run: Run) -> Iterable[Figure]:
    seconds = QUICK_WEBHOOK_SECONDS if run.quick else webhooks.SECONDS
    return webhooks.figures(run.shop, size=run.size, seconds=seconds)


def _bulk_cancel(run: Run) -> Iterable[Figure]:
    limit, stock_orders = (QUICK_CANCELS, 2) if run.quick else (None, bulk_cancel.STOCK_ORDERS)
    return bulk_cancel.figures(run.shop, size=run.size, orders=limit, stock_orders=stock_orders)


def _lanes(run: Run) -> Iterable[Figure]:
    rounds, seconds = (run.rounds, QUICK_LANE_SECONDS) if run.quick else (lanes.ROUNDS, lanes.LANE_SECONDS)
    return lanes.figures(run.shop, size=run.size, rounds=rounds, seconds=seconds)


def _mixed(run: Run) -> Iterable[Figure]:
    return mixed.figures(run.shop, run.sample, size=run.size, seconds=run.mixed_seconds)


AT_EACH_SIZE: dict[str, Part] = {
    "pages": _pages,
    "export": lambda run: export.figures(run.user, size=run.size),
    "bulk_fulfill": lambda run: bulk_fulfill.figures(run.user, size=run.size),
    "invoices": _invoices,
    "tracking_files": lambda run: tracking_files.figures(run.user, size=run.size),
    "bulk_click": lambda run: bulk_click.figures(run.user, size=run.size),
}
ONCE: dict[str, Part] = {
    "parallel_workers": lambda run: parallel_workers.figures(run.user, size=run.size),
    "api_orders": lambda run: api_orders.figures(run.shop, size=run.size, rounds=run.rounds),
    "refunds": lambda run: refunds.figures(run.shop, size=run.size, rounds=run.rounds),
    "webhooks": _webhooks,
    "bulk_cancel": _bulk_cancel,
    "lanes": _lanes,
    "mixed": _mixed,
}


def _figures(run: Run, parts: Mapping[str, Part]) -> Iterator[Figure]:
    for name, part in parts.items():
        if not run.only or name in run.only:
            _log(f"{name} at {run.size}")
            yield from part(run)


STARTED = time.monotonic()


def _log(message: str) -> None:
    print(f"{time.monotonic() - STARTED:5.0f} s  {message}", flush=True)
