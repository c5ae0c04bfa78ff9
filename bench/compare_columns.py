"""Six columns of the Compare page streaming at once in a real Chromium.

    python -m bench.compare_columns [--quick] [--reps 5] [--columns 6] [--rate 100]

Each column asks a model of its own at the same provider, whose timing is known; page, provider and
this process share one clock (CLOCK_MONOTONIC).

    gap_p95     95 % of the pauses between two growths of a column's text are shorter: the worst column
    finish      Enter -> the last column's end is in the page, over the slowest model's own time
    spread      first token of the last column to begin, after that of the first
    server_cpu  CPU seconds of the server's processes, main_thread: of the page's main thread
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.apps import Provider, Switchboard, machine_busy_s, running, wait_for_quiet, work_folder
from bench.browser import PROBE, Browser, Page
from bench.figures import Line, figure, p95, say

COLUMNS_PROBE = (Path(__file__).parent / "columns.js").read_text("utf-8")
QUESTION = "How do I add my own LangGraph agent to Switchboard?"
TOKENS = 600
QUIET_MS = 1000
PATIENCE_S = 20.0
NOISE = 0.15
ENVIRONMENT = "lab"
Row = dict[str, float]


def models(count: int) -> list[str]:
    return [f"model-{n}" for n in range(1, count + 1)]


def server(folder: Path, provider: Provider, count: int) -> Switchboard:
    """The product with as many models as columns, each a name at the same provider."""
    servers = {ENVIRONMENT: {"base_url": f"{provider.url}/v1", "models": models(count)}}
    chain = [f"{ENVIRONMENT}:{name}" for name in models(count)]
    return Switchboard(
        folder,
        SWITCHBOARD_OPENAI_SERVERS=json.dumps(servers),
        SWITCHBOARD_ANSWER_MODELS=",".join(chain),
        SWITCHBOARD_ROUTER_MODELS="local:extractive",
    )


def choose_columns(page: Page, count: int) -> None:
    """Clicks the number of columns and waits until there are as many choosers."""
    label = f"Model {'ABCDEF'[count - 1]}"
    script = (
        '[...document.querySelectorAll(\'[data-testid="stButtonGroup"] button, '
        '[data-testid="stSegmentedControl"] button, [role=radiogroup] button, [role=radio]\')]'
        f".find(e => e.textContent.trim() === '{count}')?.click()"
    )
    page.run(script)
    page.run(
        "new Promise((done, fail) => { const end = performance.now() + 15000; const step = () => "
        f"document.body.textContent.includes({json.dumps(label)}) ? done(true) : "
        "performance.now() > end ? fail('no choosers') : setTimeout(step, 50); step(); })"
    )
    time.sleep(1)


def measure(
    browser: Browser, app: Switchboard, provider: Provider, count: int, rate: int, tokens: int
) -> Row:
    """One question to all columns."""
    answer_id = uuid.uuid4().hex[:8]
    provider.arm(answer_id, tokens, rate, 200)
    with browser.page() as page:
        page.send("Page.addScriptToEvaluateOnNewDocument", source=PROBE + COLUMNS_PROBE)
        page.open(f"{app.url}/compare")
        if count != 2:
            choose_columns(page, count)
        wait_for_quiet(NOISE, PATIENCE_S)
        page.type(QUESTION)
        page.call("watchColumns", answer_id)
        time.sleep(0.5)
        offset, _ = page.clock()
        cpu, main, busy, at = app.cpu_s(), page.main_thread_s(), machine_busy_s(), time.monotonic()
        page.press_enter()
        seen = page.call("columnsSettled", count, QUIET_MS, 120_000, timeout=130)
        cells = seen["cells"]
        if len(cells) != count or any(cell["last"] is None for cell in cells):
            raise RuntimeError(f"{len(cells)} of {count} columns came to an end")
        ours = app.cpu_s() - cpu
        whole = machine_busy_s() - busy
        records = [r for r in provider.records(answer_id, "done") if r["kind"] == "answer"]
        slowest = max(r["last_at"] - r["request_at"] for r in records)
        firsts = [cell["first"] for cell in cells]
        return {
            "gap_p95": max(p95(cell["gaps"]) for cell in cells),
            "gap_median": sorted(g for cell in cells for g in cell["gaps"])[
                sum(len(cell["gaps"]) for cell in cells) // 2
            ],
            "gap_max": max(max(cell["gaps"]) for cell in cells),
            "finish": (max(c["last"] for c in cells) - seen["submitted"]) / 1000 / slowest,
            "model": slowest,
            "spread": max(firsts) - min(firsts),
            "started_apart": 1000
            * (max(r["request_at"] for r in records) - min(r["request_at"] for r in records)),
            "first_text": min(firsts) - 1000 * (min(r["first_at"] for r in records) - offset),
            "socket_bytes": seen["bytes"],
            "server_cpu": ours,
            "main_thread": page.main_thread_s() - main,
            "others": max(0.0, whole - ours) / (time.monotonic() - at),
        }


def lines(rows: list[Row], name: str) -> Iterator[Line]:
    of = defaultdict(list)
    for row in rows:
        for key, value in row.items():
            of[key].append(value)
    yield figure(f"{name}.gap_p95", of["gap_p95"], "ms", at_most=100)
    yield figure(f"{name}.gap_median", of["gap_median"], "ms")
    yield figure(f"{name}.gap_max", of["gap_max"], "ms")
    yield figure(
        f"{name}.finish", of["finish"], "x", at_most=1.1, note="of the slowest model's own time"
    )
    yield figure(f"{name}.requests_apart", of["started_apart"], "ms")
    yield figure(f"{name}.first_texts_apart", of["spread"], "ms")
    yield figure(f"{name}.first_text", of["first_text"], "ms", at_most=50)
    yield figure(f"{name}.socket_bytes", of["socket_bytes"], "bytes")
    yield figure(f"{name}.server_cpu", of["server_cpu"], "s")
    yield figure(f"{name}.main_thread", of["main_thread"], "s")
    yield figure(
        f"check.{name}.others", of["others"], "CPUs", note="browser, provider and everything else"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--rate", type=int, default=100)
    options = parser.parse_args()
    reps, count = 2 if options.quick else options.reps, options.columns
    with work_folder() as folder:
        provider = Provider(folder)
        with running(provider):
            app = server(folder / "app", provider, count)
            with running(app), Browser() as browser:
                app.wait_for_port()
                measure(browser, app, provider, count, 200, 200)  # everything was loaded once
                rows = [
                    measure(browser, app, provider, count, options.rate, TOKENS)
                    for _ in range(reps)
                ]
    say(lines(rows, f"compare.{count}_columns_at_{options.rate}"))


if __name__ == "__main__":
    main()
