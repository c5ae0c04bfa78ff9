"""The questions of the dashboard's pages, asked of a database of which nothing is kept.

    python -m bench.dashboard_page DATABASE --zone UTC --range 90d [--filter '{"agent": ["billing"]}']

Prints one JSON object. `page_ms`: milliseconds from opening the database to the last answer, for
each repetition; each opens it anew and has nothing of the one before but the code that ran and the
system's page cache. `cpu_ms`: of the same, the processor's time. `first_ms`: of the very first page
of the process, which also pays for what Python, SQLAlchemy and NumPy do once; importing is not
counted. `questions`: of the last repetition. Memory: before and at most, in MB.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analytics.queries import Filter, Queries
from bench.bulk_traffic import UNTIL_US
from bench.dashboard_tabs import ASKED, questions

QUANTILES = (0.5, 0.95, 0.99)
RECENT, SLOWEST = 50, 20
TIME_LIMIT_S = 900.0
Question = Callable[[Queries, Filter], Any]

PAGE: Mapping[str, Question] = {
    "kpis": lambda q, keep: q.kpis(keep),
    "runs_by_status": lambda q, keep: q.runs_by_status(keep),
    "ttft_over_time": lambda q, keep: q.percentiles_over_time(keep, "first_token_us", QUANTILES),
    "latency_over_time": lambda q, keep: q.percentiles_over_time(keep, "duration_us", QUANTILES),
    "tokens_over_time": lambda q, keep: q.tokens_over_time(keep),
    "cost_over_time": lambda q, keep: q.cost_over_time(keep),
    "by_agent": lambda q, keep: q.by_agent(keep),
    "by_model": lambda q, keep: q.by_model(keep),
    "data_quality": lambda q, keep: q.data_quality(keep),
    "time_shares": lambda q, keep: q.time_shares(keep),
    "recent_runs": lambda q, keep: q.recent_runs(keep, RECENT),
    "slowest_runs": lambda q, keep: q.slowest_runs(keep, SLOWEST),
    "facets": lambda q, keep: q.facets(Filter(range="all")),
}
"""One whole page: key figures with the period before, charts, tables, lists and filter choices."""


def open_queries(path: Path, zone: str) -> Queries:
    """The product's reader, at the moment the database ends."""
    return Queries(path, zone, time_limit_s=TIME_LIMIT_S, now_us=lambda: UNTIL_US)


def ask(
    queries: Queries, keep: Filter, asked: Mapping[str, Question] = PAGE
) -> tuple[dict[str, Any], dict[str, float]]:
    """(answers, milliseconds) by question. The time to pin the range belongs to the first."""
    answers, took = {}, {}
    began = time.perf_counter()
    pinned = queries.pin(keep)
    for name, question in asked.items():
        answers[name] = question(queries, pinned)
        now = time.perf_counter()
        took[name] = (now - began) * 1000
        began = now
    return answers, took


def forget_file(path: Path) -> None:
    """Asks the system to drop the file from its page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--range", default="90d")
    parser.add_argument("--filter", type=json.loads, default={})
    parser.add_argument("--tab", choices=ASKED, help="a tab instead of the whole page")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--uncached", action="store_true", help="drop the file from the cache")
    given = parser.parse_args()
    keep = Filter(range=given.range, **{k: tuple(v) for k, v in given.filter.items()})
    asked = questions(given.tab) if given.tab else PAGE
    if given.uncached:
        forget_file(given.database)
    before_mb = _peak_mb()
    pages: list[float] = []
    works: list[float] = []
    questions_ms: dict[str, float] = {}
    for _ in range(1 + given.repeats):
        began, worked = time.perf_counter(), time.process_time()
        queries = open_queries(given.database, given.zone)
        _, questions_ms = ask(queries, keep, asked)
        pages.append((time.perf_counter() - began) * 1000)
        works.append((time.process_time() - worked) * 1000)
        queries.close()
    said = {
        "first_ms": pages[0],
        "page_ms": pages[1:],
        "cpu_ms": works[1:],
        "questions": questions_ms,
        "before_mb": before_mb,
        "peak_mb": _peak_mb(),
    }
    print(json.dumps(said))


def _peak_mb() -> float:
    """Of this program alone: `ru_maxrss` would begin with the size of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
