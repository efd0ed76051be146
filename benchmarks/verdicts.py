"""What the figures are held against: the six points that this project promises, and by how much each misses."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure

LISTS = ("list_first", "list_paid", "list_last", "search_number", "search_email", "order_page")
BESIDE_STOCK = {"list_first": 1.0, "list_paid": 1.0}
AT_A_MILLION = {"list_last": 10.0, "search_number": 10.0, "search_email": 10.0, "search_name": 10.0}
FLAT = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One promise: what was wanted, and what came out."""

    what: str
    wanted: float
    got: float
    at_most: bool = False

    @property
    def kept(self) -> bool:
        """Tell whether it is kept."""
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted

    def __str__(self) -> str:
        bound = "at most" if self.at_most else "at least"
        said = "reached" if self.kept else f"MISSED by {abs(self.got - self.wanted) / self.wanted:.0%}"
        return f"{said:15} {self.what}: {self.got:,.4g} ({bound} {self.wanted:,.4g})"


def verdicts(figures: Sequence[Figure]) -> Iterator[Verdict]:
    """Hold figures against what was promised, as far as they were measured."""
    known = {(each.name, each.size): each for each in figures}
    smallest, largest = figures[0].size, figures[-1].size
    if smallest != largest:
        yield from _flat(known, smallest, largest)
    yield from _beside_stock([each for each in figures if each.size == largest])
    yield from _alone([each for each in figures if each.size == largest])


def _flat(known: dict[tuple[str, str], Figure], smallest: str, largest: str) -> Iterator[Verdict]:
    for name in LISTS:
        times = known[name, largest].value / known[name, smallest].value
        yield Verdict(what=f"{name} at {largest} beside {smallest}", wanted=FLAT, got=times, at_most=True)


def _beside_stock(figures: Iterable[Figure]) -> Iterator[Verdict]:
    for each in figures:
        wanted = BESIDE_STOCK | (AT_A_MILLION if each.size == "1m" else {}) | {"bulk_fulfill": 15.0}
        if each.name in wanted and each.gain is not None:
            yield Verdict(what=f"{each.name}, times better than stock", wanted=wanted[each.name], got=each.gain)


def _alone(figures: Iterable[Figure]) -> Iterator[Verdict]:
    at_least = {"bulk_fulfill": 10_000.0, "bulk_cancel_limit": 0.95}
    at_most = {"export_memory": 20.0, "order_overhead": 40.0, "job_start": 2.0}
    for each in figures:
        if each.name in at_least:
            yield Verdict(what=f"{each.name} ({each.unit})", wanted=at_least[each.name], got=each.value)
        if each.name in at_most:
            wanted = at_most[each.name]
            yield Verdict(what=f"{each.name} ({each.unit})", wanted=wanted, got=each.value, at_most=True)
        if each.name == "export_csv" and each.floor:
            yield Verdict(what="export_csv, share of COPY", wanted=0.6, got=each.value / each.floor)
