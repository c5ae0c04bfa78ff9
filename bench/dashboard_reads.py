"""How fast the dashboard's figures are read, and whether they are right: from 100 k to 10 M calls.

    python -m bench.dashboard_reads [--quick] [--calls 100000 1000000] [--folder /tmp/bench]
    python -m bench.dashboard_reads --calls 10000000 --brief --zones UTC Asia/Kathmandu

Databases: bench/bulk_traffic.py (made when missing, kept in the folder). A page: bench/dashboard_page.py,
in a process that answered a page before, but with a new connection and nothing kept; the file is in
the system's page cache but for the figures that say otherwise. `--brief`: times of pages and tabs
only, without all rows in memory and without the baselines. Right: counts and sums equal to those of all rows, the
largest error of a percentile (bench/dashboard_answers.py). Baselines, of the same page in the same run:
plain SQL on the same file, a native DuckDB table, pandas over all rows (not above 1 M calls: memory).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from analytics.blocks import fold_all
from analytics.queries import Filter
from analytics.timeaxis import RANGES_US, axis_of
from bench.bulk_traffic import UNTIL_US, Size, build, count_facts, forget_folded
from bench.dashboard_answers import Answers, Source, compare, ours, page
from bench.dashboard_frames import FrameSource, load_frames
from bench.dashboard_page import ask, open_queries
from bench.dashboard_sql import duckdb_source, sqlite_source, tenth_user
from bench.dashboard_tabs import ASKED
from bench.figures import Line, figure, say

ZONES = ("UTC", "Asia/Kathmandu", "America/New_York")
FILTERS: Mapping[str, dict[str, list[str]]] = {
    "model + agent + status": {
        "model": ["openai:gpt-4o-mini"],
        "agent": ["technical"],
        "status": ["ok"],
    },
    "one user": {},
}
"""The user is the one with the tenth most runs."""
_PAGE_MS = {1_000_000: 100.0, 10_000_000: 200.0}
_FILTERED_MS = {(10_000_000, "model + agent + status"): 600.0}
_MOST_ERROR = 1.0
_PANDAS_UP_TO = 1_000_000
_COMPARED = (("24h", ""), ("90d", ""), ("90d", "model + agent + status"), ("90d", "one user"))
"""What the baselines are asked."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A page: a range, and the name of a filter ("" for none)."""

    range: str
    filter: str = ""

    def __str__(self) -> str:
        return f"{self.range}, {self.filter}" if self.filter else self.range


CASES = (
    *(Case(range=name) for name in RANGES_US),
    *(Case(range="90d", filter=name) for name in FILTERS),
)


@dataclass
class Measured:
    """A database while it is measured."""

    calls: int
    path: Path
    filters: Mapping[str, dict[str, list[str]]]
    repeats: int
    pages: dict[tuple[str, str], float] = field(default_factory=dict)
    """Median milliseconds by (zone, case)."""

    @property
    def name(self) -> str:
        return f"{self.calls // 1000} k" if self.calls < 1_000_000 else f"{self.calls // 10**6} M"

    def keep(self, case: Case) -> Filter:
        chosen = {k: tuple(v) for k, v in self.filters.get(case.filter, {}).items()}
        return Filter(range=case.range, **chosen)  # type: ignore[arg-type]


def measure(
    folder: Path, calls: int, repeats: int, zones: tuple[str, ...], *, brief: bool, folded: bool
) -> Iterator[Line]:
    """Every figure of one size."""
    built = build(folder, Size(calls))
    user = tenth_user(built.path)
    filters = {**FILTERS, "one user": {"user": [user]}}
    it = Measured(calls, built.path, filters, repeats)
    if built.seconds:
        yield figure(f"{it.name}: building", built.rows / built.seconds, "rows/s")
    if folded:
        fold_all(it.path, ZONES[0], now_us=UNTIL_US)
    else:
        forget_folded(it.path)
        bare = _used_bytes(it.path)
        yield figure(f"{it.name}: rows and indexes", bare / calls, "bytes/call")
        yield from _folding(it, bare)
    reference = None if brief else load_frames(it.path)
    for zone in zones:
        if zone != ZONES[0]:
            yield from _refolding(it, zone)
        yield from _pages(it, zone)
        if reference is not None:
            yield from _exactness(it, zone, reference)
    del reference
    if zones[-1] != ZONES[0]:
        fold_all(it.path, ZONES[0], now_us=UNTIL_US)
    yield from _tabs(it)
    yield from _uncached(it)
    if not brief:
        yield from _baselines(it)
    _all_pages.append(it)


_all_pages: list[Measured] = []


def _folding(it: Measured, bare: int) -> Iterator[Line]:
    began = time.perf_counter()
    fold_all(it.path, ZONES[0], now_us=UNTIL_US)
    seconds = time.perf_counter() - began
    rows = count_facts(it.path)
    yield figure(
        f"{it.name}: folding everything", rows / seconds, "rows/s", note=f"{seconds:.1f} s"
    )
    size = _used_bytes(it.path) - bare
    yield figure(f"{it.name}: figures made ready", size / it.calls, "bytes/call")


def _used_bytes(path: Path) -> int:
    """Without the pages that are free."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
    return int(size * (pages - free))


def _refolding(it: Measured, zone: str) -> Iterator[Line]:
    began = time.perf_counter()
    fold_all(it.path, zone, now_us=UNTIL_US)
    yield figure(f"{it.name}: folding anew for {zone}", time.perf_counter() - began, "s")


def _pages(it: Measured, zone: str) -> Iterator[Line]:
    """Each case in a process of its own."""
    peak = []
    for case in CASES:
        said = _in_process(it, zone, case)
        times = said["page_ms"]
        it.pages[zone, str(case)] = statistics.median(times)
        aim = _FILTERED_MS.get((it.calls, case.filter)) if case.filter else _PAGE_MS.get(it.calls)
        yield figure(
            f"{it.name}: page, {case}, {zone}",
            times,
            "ms",
            at_most=aim,
            note=_note(said),
        )
        peak.append(said["peak_mb"] - said["before_mb"])
    yield figure(f"{it.name}: memory of a page at most, {zone}", max(peak), "MB")


def _in_process(it: Measured, zone: str, case: Case, *more: str) -> dict[str, Any]:
    chosen = json.dumps(it.filters.get(case.filter, {}))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.dashboard_page", str(it.path), "--zone", zone),
            *("--range", case.range, "--filter", chosen, "--repeats", str(it.repeats), *more),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the page of {case} failed:\n{done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _note(said: dict[str, Any]) -> str:
    """What else the process of one page said."""
    cpu = statistics.median(said["cpu_ms"])
    ranked = sorted(said["questions"].items(), key=lambda item: -item[1])[:3]
    slowest = ", ".join(f"{name} {ms:.0f} ms" for name, ms in ranked)
    return (
        f"CPU {cpu:.0f} ms; first page of a process: {said['first_ms']:.0f} ms; slowest: {slowest}"
    )


def _exactness(it: Measured, zone: str, reference: Source) -> Iterator[Line]:
    """Every page against all rows."""
    worst, where, wrong, compared, equal = 0.0, "", [], 0, 0
    for case in CASES:
        with contextlib.closing(open_queries(it.path, zone)) as queries:
            keep = queries.pin(it.keep(case))
            answers, _ = ask(queries, keep)
            window = queries.window(keep)
        exact = page(reference, window, axis_of(window, ZoneInfo(zone)), keep)
        found = compare(ours(answers), exact)
        wrong += [f"{case}: {text}" for text in found.wrong]
        equal += len(exact.exact)
        compared += found.compared
        if found.largest_error > worst:
            worst, where = found.largest_error, f"{case}: {found.where}"
    yield figure(
        f"{it.name}: largest error of a percentile, {zone}",
        worst * 100,
        "%",
        at_most=_MOST_ERROR,
        note=f"of {compared} percentiles with enough values; {where}",
    )
    yield figure(
        f"{it.name}: counts and sums that differ, {zone}",
        len(wrong),
        "figures",
        at_most=0,
        note=f"of {equal}; {'; '.join(wrong[:3])}",
    )


def _tabs(it: Measured) -> Iterator[Line]:
    """Each tab, as its page asks when it is opened."""
    for tab in ASKED:
        said = _in_process(it, ZONES[0], Case(range="90d"), "--tab", tab)
        yield figure(
            f"{it.name}: tab {tab}, 90d, {ZONES[0]}",
            said["page_ms"],
            "ms",
            note=_note(said),
        )


def _uncached(it: Measured) -> Iterator[Line]:
    for name in ("24h", "90d"):
        case = Case(range=name)
        times = [
            _in_process(it, ZONES[0], case, "--uncached", "--repeats", "1")["first_ms"]
            for _ in range(it.repeats)
        ]
        yield figure(
            f"{it.name}: first page of a process, {name}, file not in the page cache", times, "ms"
        )


def _baselines(it: Measured) -> Iterator[Line]:
    """Ratios: how many times longer the same page takes elsewhere."""
    sources: list[tuple[str, Source, float]] = [("plain SQL", sqlite_source(it.path), 0.0)]
    duck, loading = duckdb_source(it.path)
    sources.append(("DuckDB", duck, loading))
    if it.calls <= _PANDAS_UP_TO:
        began = time.perf_counter()
        frames: FrameSource = load_frames(it.path)
        sources.append(("pandas", frames, time.perf_counter() - began))
    for name, source, loaded_s in sources:
        for range_name, filter_name in _COMPARED:
            case = Case(range=range_name, filter=filter_name)
            mine = it.pages[ZONES[0], str(case)]
            took, _ = _timed_page(it, case, source)
            if name == "pandas":  # it keeps nothing between pages: fetching is part of each
                took += loaded_s * 1000
            yield figure(f"{it.name}: page, {case}, against {name}", mine, "ms", baseline=took)
        if loaded_s:
            yield figure(f"{it.name}: reading all rows into {name}", loaded_s, "s")


def _timed_page(it: Measured, case: Case, source: Source) -> tuple[float, Answers]:
    with contextlib.closing(open_queries(it.path, ZONES[0])) as queries:
        keep = queries.pin(it.keep(case))
        window = queries.window(keep)
    began = time.perf_counter()
    found = page(source, window, axis_of(window, ZoneInfo(ZONES[0])), keep)
    return (time.perf_counter() - began) * 1000, found


def growth() -> Iterator[Line]:
    """From the smallest to the largest database; ratio: of the calls, beside that of the time."""
    if len(_all_pages) < 2:
        return
    small, large = _all_pages[0], _all_pages[-1]
    for case in CASES:
        key = (ZONES[0], str(case))
        times = large.pages[key] / small.pages[key]
        yield figure(
            f"growth, {case}: {large.name} over {small.name}",
            times,
            "times as long",
            baseline=large.calls / small.calls,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 1 M, three repetitions")
    parser.add_argument("--brief", action="store_true", help="times of pages only")
    parser.add_argument("--folded", action="store_true", help="keep the figures that are ready")
    parser.add_argument("--calls", type=int, nargs="+")
    parser.add_argument("--zones", nargs="+", default=list(ZONES), choices=ZONES)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "sb-bench")
    given = parser.parse_args()
    sizes = given.calls or [100_000, 1_000_000, *([] if given.quick else [10_000_000])]
    for calls in sorted(sizes):
        repeats = 3 if given.quick else 5
        zones = tuple(given.zones)
        say(measure(given.folder, calls, repeats, zones, brief=given.brief, folded=given.folded))
    say(growth())
    say([figure("load of the machine at the end", os.getloadavg()[0], "processes")])


if __name__ == "__main__":
    main()
