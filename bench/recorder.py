"""What recording costs a run, how fast the writer is, and how long the dashboard's questions take.

    python -m bench.recorder [--runs 10000 100000] [--quick]

Prints one JSON object per line: name, value, unit. Times are medians of several repeats; the query
times are of a pinned range of 30 days with everything in it, cold = nothing kept from before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from analytics.facts import RunFold, RunMeta
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.rows import run_facts
from analytics.store import AnalyticsStore
from bench.make_traffic import Traffic, write_traffic
from core.database import database_url
from core.events import Event, Token
from core.metrics_query import MetricsQuestion

UNTIL_US = 1_795_000_000_000_000


def report(name: str, value: float, unit: str) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit}), flush=True)


def median_us(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - started) / 1000)
    return statistics.median(times)


def observing(folder: Path, runs: list[tuple[RunMeta, list[Event]]]) -> None:
    """The caller's side, on a live recorder whose thread writes at the same time."""
    recorder = Recorder(folder / "observed.db")
    recorder.flush()
    of, events = runs[0]
    recorder.observe(of, events[0])
    token = Token(run_id=of.run_id, elapsed_us=5, text="word ", message_id="a", agent="billing")
    many = range(20_000)

    def tokens() -> None:
        for _ in many:
            recorder.observe(of, token)

    report("observe_token", median_us(tokens, 7) / len(many), "us")
    per_run, calls = [], 0
    for of, events in runs:
        started = time.perf_counter_ns()
        for event in events:
            recorder.observe(of, event)
        per_run.append((time.perf_counter_ns() - started) / 1000)
        calls += len(events)
    report("observe_run_p50", statistics.median(per_run), "us")
    report("observe_run_p99", statistics.quantiles(per_run, n=100)[98], "us")
    report("events_per_run", calls / len(runs), "events")
    started_s = time.perf_counter()
    recorder.flush(60)
    report("flush_after_burst", (time.perf_counter() - started_s) * 1000, "ms")
    report("dropped_in_burst", recorder.health().dropped, "runs")
    recorder.close()


def writing(folder: Path, runs: list[tuple[RunMeta, list[Event]]]) -> None:
    """The writer's side: folding into rows, and commits of about 200 rows as in production."""
    folds = []
    for of, events in runs:
        fold = RunFold(meta=of)
        for event in events:
            fold.add(event)
        folds.append(fold)
    started = time.perf_counter()
    facts = [run_facts(fold) for fold in folds]
    report("rows_of_a_run", (time.perf_counter() - started) / len(folds) * 1e6, "us")
    for size in (35, 500):
        store = AnalyticsStore(database_url(folder / f"written-{size}.db"))
        store.open()
        rows, source, started = 0, iter(facts), time.perf_counter()
        while part := list(islice(source, size)):
            rows += store.write([], part)
        spent = time.perf_counter() - started
        store.close()
        report(f"writer_rows_per_s_batches_of_{size}_runs", rows / spent, "rows/s")


def pacing(folder: Path, runs: list[tuple[RunMeta, list[Event]]]) -> None:
    """The highest rate of runs that a live recorder keeps up with for two seconds.

    That is: nothing is dropped, and nothing waits for more than a second. Caller and writer share one
    interpreter, as in the product.
    """
    best, rows_per_s = 0, 0.0
    for rate in (250, 500, 1000, 1500, 2000, 3000, 4000):
        recorder = Recorder(folder / f"paced-{rate}.db")
        recorder.flush()
        started, lag_us = time.perf_counter(), 0
        for place, (of, events) in enumerate(runs[: 2 * rate]):
            time.sleep(max(0.0, started + place / rate - time.perf_counter()))
            for event in events:
                recorder.observe(of, event)
            if place % 25 == 0:
                lag_us = max(lag_us, recorder.health().lag_us)
        recorder.flush(60)
        spent, health = time.perf_counter() - started, recorder.health()
        recorder.close()
        if health.dropped or lag_us > 1_000_000 or spent > 3.0:
            break
        best, rows_per_s = rate, health.rows_written / spent
    report("kept_up_with_runs_per_s", best, "runs/s")
    report("kept_up_with_rows_per_s", rows_per_s, "rows/s")


def querying(folder: Path, count: int) -> None:
    path = folder / f"runs-{count}.db"
    started = time.perf_counter()
    write_traffic(path, count, Traffic(seed=1, days=30, until_us=UNTIL_US))
    report(f"make_{count}_runs", time.perf_counter() - started, "s")
    report(f"file_per_run_{count}", path.stat().st_size / count, "bytes")
    queries = Queries(path, now_us=lambda: UNTIL_US + 1)
    keep = queries.pin(Filter(range="30d"))
    run_id = queries.recent_runs(keep, 1)[0].run_id
    page: dict[str, Callable[[], object]] = {
        "kpis": lambda: queries.kpis(keep),
        "runs_by_status": lambda: queries.runs_by_status(keep),
        "ttft_over_time": lambda: queries.percentiles_over_time(keep),
        "latency_over_time": lambda: queries.percentiles_over_time(keep, "duration_us"),
        "tokens_over_time": lambda: queries.tokens_over_time(keep),
        "cost_over_time": lambda: queries.cost_over_time(keep),
        "time_shares": lambda: queries.time_shares(keep),
        "by_agent": lambda: queries.by_agent(keep),
        "by_model": lambda: queries.by_model(keep),
        "recent_runs": lambda: queries.recent_runs(keep),
        "slowest_runs": lambda: queries.slowest_runs(keep),
        "data_quality": lambda: queries.data_quality(keep),
        "facets": lambda: queries.facets(keep),
    }

    def whole_page() -> None:
        queries._facts._kept.clear()
        for question in page.values():
            question()

    report(f"page_{count}", median_us(whole_page, 5) / 1000, "ms")
    for name, question in page.items():
        report(f"{name}_warm_{count}", median_us(question, 5) / 1000, "ms")
    report(f"run_detail_{count}", median_us(lambda: queries.run_detail(run_id), 20) / 1000, "ms")
    for measure in ("ttft_p95", "cost"):
        asked = MetricsQuestion(measure=measure, split="model", range="90d")  # type: ignore[arg-type]
        report(
            f"answer_{measure}_{count}",
            median_us(lambda asked=asked: queries.answer(asked), 5) / 1000,  # type: ignore[misc]
            "ms",
        )
    day = Filter(range="24h")
    report(f"kpis_24h_{count}", median_us(lambda: queries.kpis(day), 5) / 1000, "ms")
    queries.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--quick", action="store_true", help="only the recorder, no queries")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-analytics-") as name:
        folder = Path(name)
        runs = list(Traffic(seed=1, days=1, until_us=UNTIL_US).runs(2000))
        observing(folder, runs)
        pacing(folder, list(Traffic(seed=2, days=1, until_us=UNTIL_US).runs(8000)))
        writing(folder, runs)
        for count in [] if given.quick else given.runs:
            querying(folder, count)


if __name__ == "__main__":
    main()
