"""The targets that the figures are held against, and by how much each is missed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure

LISTS = ("list_first", "list_paid", "list_last", "search_number", "search_email", "order_page")
BESIDE_STOCK = {"list_first": 1.0, "list_paid": 1.0}
AT_A_MILLION = {"list_last": 10.0, "search_number": 10.0, "search_email": 10.0, "search_name": 10.0}
FLAT, FLAT_AT_TEN_MILLION = 1.3, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    what: str
    target: float
    value: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.value <= self.target if self.at_most else self.value >= self.target

    def __str__(self) -> str:
        bound = "at most" if self.at_most else "at least"
        outcome = "reached" if self.reached else f"MISSED by {abs(self.value - self.target) / self.target:.0%}"
        return f"{outcome:15} {self.what}: {self.value:,.4g} ({bound} {self.target:,.4g})"


def check_targets(figures: Sequence[Figure]) -> Iterator[Result]:
    """Only the targets whose figures were measured."""
    by_name_and_size = {(each.name, each.size): each for each in figures}
    smallest, largest = figures[0].size, figures[-1].size
    yield from _check_flat(by_name_and_size, smallest, "1m" if largest == "10m" else largest, FLAT)
    yield from _check_flat(by_name_and_size, "1m", "10m", FLAT_AT_TEN_MILLION)
    yield from _check_beside_stock([each for each in figures if each.size == largest])
    yield from _check_absolute([each for each in figures if each.size == largest])


def _check_flat(figures: dict[tuple[str, str], Figure], smaller: str, larger: str, target: float) -> Iterator[Result]:
    for name in LISTS:
        small, large = figures.get((name, smaller)), figures.get((name, larger))
        if small and large and smaller != larger:
            times = large.value / small.value
            yield Result(what=f"{name} at {larger} beside {smaller}", target=target, value=times, at_most=True)


def _check_beside_stock(figures: Iterable[Figure]) -> Iterator[Result]:
    for each in figures:
        targets = BESIDE_STOCK | (AT_A_MILLION if each.size == "1m" else {}) | {"bulk_fulfill": 15.0}
        if each.name in targets and each.gain is not None:
            yield Result(what=f"{each.name}, times better than stock", target=targets[each.name], value=each.gain)


def _check_absolute(figures: Iterable[Figure]) -> Iterator[Result]:
    at_least = {"bulk_fulfill": 10_000.0, "bulk_cancel_limit": 0.95, "lane_refunds": 0.95, "lane_payments": 0.95,
                "invoice_pdf": 10_000 / 120, "invoice_pdf_checked": 10_000 / 300, "bulk_click": 6_000.0,
                "tracking_preview": 10_000.0, "tracking_apply": 10_000.0}  # fmt: skip
    at_most = {"export_memory": 20.0, "order_overhead": 40.0, "job_start": 2.0, "order_under_job": 1.2,
               "bulk_confirm": 300.0, "bulk_confirm_all": 1_000.0, "webhook_first_byte": 1_000.0,
               "mixed_list": 3.0, "mixed_search": 3.0, "mixed_order_page": 3.0, "mixed_orders": 1.2}  # fmt: skip
    for each in figures:
        if each.name in at_least:
            yield Result(what=f"{each.name} ({each.unit})", target=at_least[each.name], value=each.value)
        if each.name in at_most:
            target = at_most[each.name]
            yield Result(what=f"{each.name} ({each.unit})", target=target, value=each.value, at_most=True)
        if each.name == "export_csv" and each.floor:
            yield Result(what="export_csv, share of COPY", target=0.6, value=each.value / each.floor)
