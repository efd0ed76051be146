"""The whole run: grow, measure, grow, measure; then say it to people and to programs."""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import cancelling, chart, data, exporting, fulfilling, ordering, pages, workers
from benchmarks.figures import Figure, table, write
from benchmarks.shop import Shop, fake_stripe
from benchmarks.verdicts import verdicts
from pelcro_orders.config import BASE_DIR

RESULTS = BASE_DIR / "benchmarks" / "results" / "latest.json"
CHART = BASE_DIR / "docs" / "benchmarks.svg"
SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ROUNDS, QUICK_ROUNDS = 15, 2
QUICK_ORDERS = 12


def main(arguments: Sequence[str]) -> int:
    """Measure at this size, and at the named sizes below it."""
    wanted = _parsed(arguments)
    figures: list[Figure] = []
    for each in measured(_steps(wanted.size), quick=wanted.quick):
        figures.append(each)
        write(figures, wanted.output)  # an end from outside leaves what was measured
    print("\n" + table(figures) + "\n")
    if not wanted.quick:
        print("\n".join(map(str, verdicts(figures))))
    if wanted.chart:
        CHART.write_text(chart.svg(figures), encoding="utf-8")
    return 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", default="100k", help="10k, 100k, 1m, or a number of orders")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it runs, not how fast")
    parser.add_argument("--chart", action="store_true", help=f"draw {CHART.relative_to(BASE_DIR)}, too")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go, as JSON")
    return parser.parse_args(arguments)


def _steps(size: str) -> dict[str, int]:
    """Give the sizes on the way: whether a page stays flat is seen in one run alone."""
    count = SIZES.get(size) or int(size)
    return {name: orders for name, orders in {**SIZES, size: count}.items() if orders < count or name == size}


def measured(steps: dict[str, int], *, quick: bool) -> Iterator[Figure]:
    """Measure at each size."""
    fake_stripe().faults(webhooks="off")  # nobody listens
    user, rounds = data.someone(), QUICK_ROUNDS if quick else ROUNDS
    for size, count in steps.items():
        _say(f"generating up to {count:,} orders")
        data.grow(count)
        data.settle_down()
        _say(f"pages at {size}")
        # Somebody who started no job: those of the step before would be told of on each page.
        yield from pages.figures(data.sample(data.someone("reader")), size=size, rounds=rounds)
        _say(f"export at {size}")
        yield from exporting.figures(user, size=size)
        _say(f"bulk fulfill at {size}")
        yield from fulfilling.figures(user, size=size)
    _say("several workers on one job")
    yield from workers.figures(user, size=size)
    _say("orders over the API")
    shop = Shop.opened(user)
    yield from ordering.figures(shop, size=size, rounds=rounds)
    _say("bulk cancel")
    orders = QUICK_ORDERS if quick else None
    yield from cancelling.figures(shop, size=size, orders=orders, stock_orders=2 if quick else cancelling.STOCK_ORDERS)


BEGAN = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - BEGAN:5.0f} s  {what}", flush=True)
