"""A person's answer in a real Chromium: Switchboard beside the plain tutorial app, in turns.

    python -m bench.chat_browser [--quick] [--reps 5] [--raw FILE]

A provider with known timing answers; the page, the provider and this process share one clock
(CLOCK_MONOTONIC). Each repetition is a fresh page of each app, one after the other, the other app's
server being frozen meanwhile. In each page one unmeasured answer with every kind of block comes first:
the browser's code for tables and code blocks is loaded then, and there is a history to be drawn.

    submit_to_first_request   Enter -> the first request is complete at the provider
    submit_to_answer_request  Enter -> the request whose answer is shown (after routing and retrieval)
    first_text, last_text     the provider wrote its first / last token -> it is in the page
    socket_bytes              WebSocket payload the page received, from Enter to 0.5 s of quiet
    server_cpu                CPU seconds of the server's processes in that time
    main_thread               CPU seconds of the page's main thread in that time
    flicker                   times the answer's text became shorter
    growth_p95                95 % of the pauses between two growths of the text are shorter
    check.others              share of the machine that other work took meanwhile
    check.probe               main-thread seconds that the measuring itself took (contained above)

A repetition waits up to 20 s for a quiet machine; one that others disturbed is made once more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.apps import (
    App,
    Provider,
    Switchboard,
    Tutorial,
    machine_busy_s,
    running,
    tree_cpu_s,
    wait_for_quiet,
    work_folder,
)
from bench.browser import Browser, Page
from bench.figures import Line, figure, p95, say

QUIET_MS = 500
NOISE = 0.15
PATIENCE_S = 20.0
VOTED = "How do I add my own LangGraph agent to Switchboard?"
"""A question the local vote decides: no router call."""
UNDECIDED = "How do I tie a bow tie?"
"""Nothing in the documents: the router model is asked."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    tokens: int
    rate: int
    question: str = VOTED
    wait_ms: int = 200

    def arm(self, provider: Provider) -> str:
        """Prepares the provider; gives the id that the answer will carry."""
        answer_id = uuid.uuid4().hex[:8]
        provider.arm(answer_id, self.tokens, self.rate, self.wait_ms)
        return answer_id


FIRST = Scenario(name="first", tokens=600, rate=0, wait_ms=0)
SCENARIOS = (
    Scenario(name="200_at_100", tokens=200, rate=100),
    Scenario(name="4000_at_1000", tokens=4000, rate=1000),
    Scenario(name="routed_200_at_100", tokens=200, rate=100, question=UNDECIDED),
)
Row = dict[str, float]
# name in a row, unit, aim: at most / ratio at least
FIGURES: tuple[tuple[str, str, float | None, float | None], ...] = (
    ("submit_to_first_request", "ms", None, 1.0),
    ("submit_to_answer_request", "ms", None, None),
    ("provider_calls", "calls", None, None),
    ("first_text", "ms", 50, None),
    ("last_text", "ms", 50, None),
    ("socket_bytes", "bytes", None, None),
    ("server_cpu", "s", None, None),
    ("main_thread", "s", None, None),
    ("growth_p95", "ms", None, None),
    ("flicker", "times", None, None),
)
LONG_AIMS: dict[str, tuple[float | None, float | None]] = {
    "socket_bytes": (500_000, None),
    "server_cpu": (None, 2.0),
    "main_thread": (None, 2.0),
}


def answer(browser: Browser, page: Page, app: App, provider: Provider, scenario: Scenario) -> Row:
    """Asks once and measures until the page is quiet again."""
    answer_id = scenario.arm(provider)
    page.type(scenario.question)
    page.call("watch", answer_id)
    time.sleep(0.5)  # what typing caused is over
    offset, error = page.clock()
    before = readings(browser, page, app, provider)
    page.press_enter()
    ideal_s = scenario.wait_ms / 1000 + scenario.tokens / (scenario.rate or 1000)
    limit_ms = int(ideal_s * 4000 + 30_000)
    if not page.call("settled", QUIET_MS, limit_ms, timeout=limit_ms / 1000 + 10):
        raise RuntimeError(f"{app.name}: no whole answer within {limit_ms} ms\n{app.log[-3000:]}")
    after = readings(browser, page, app, provider)
    result = page.call("result")
    cpu, main_thread, others, took = (b - a for a, b in zip(before, after, strict=True))
    return {
        **times(result, provider.records(answer_id, "done"), offset),
        "socket_bytes": result["bytes"],
        "server_cpu": cpu,
        "main_thread": main_thread,
        "growth_p95": p95(result["gaps"]),
        "flicker": len(result["shrinks"]),
        "clock_error": error * 1000,
        "probe": result["own"] / 1000,
        "others": others / took / (os.cpu_count() or 1),
    }


def readings(browser: Browser, page: Page, app: App, provider: Provider) -> tuple[float, ...]:
    """(server CPU, main thread, CPU of everything that is not part of this, clock), in seconds."""
    server, chromium = app.cpu_s(), tree_cpu_s(browser.process.pid)
    ours = server + chromium + provider.cpu_s() + time.process_time()
    return server, page.main_thread_s(), machine_busy_s() - ours, time.monotonic()


def times(result: dict[str, Any], records: list[dict[str, Any]], offset: float) -> Row:
    """Milliseconds between what the page saw and what the provider wrote down."""
    submitted, first, last = (result[key] / 1000 + offset for key in ("submitted", "first", "last"))
    answering = next(r for r in reversed(records) if r["kind"] == "answer")
    return {
        "submit_to_first_request": (min(r["request_at"] for r in records) - submitted) * 1000,
        "submit_to_answer_request": (answering["request_at"] - submitted) * 1000,
        "first_text": (first - answering["first_at"]) * 1000,
        "last_text": (last - answering["last_at"]) * 1000,
        "provider_calls": len(records),
    }


def ask(browser: Browser, app: App, provider: Provider, scenario: Scenario) -> Row:
    """The second answer on a fresh page."""
    with browser.page() as page:
        page.open(app.url)
        answer(browser, page, app, provider, FIRST)
        time.sleep(1.0)
        return answer(browser, page, app, provider, scenario)


def undisturbed(browser: Browser, app: App, provider: Provider, scenario: Scenario) -> Row:
    """The better of at most two attempts."""
    rows: list[Row] = []
    while len(rows) < 2:
        wait_for_quiet(NOISE, PATIENCE_S)
        rows.append(ask(browser, app, provider, scenario))
        if rows[-1]["others"] <= NOISE:
            break
    return min(rows, key=lambda row: row["others"])


def measure(reps: int, scenarios: tuple[Scenario, ...], raw: Path | None) -> Iterator[Line]:
    with work_folder() as folder, running(provider := Provider(folder)), Browser() as browser:
        ours = Switchboard(folder / "switchboard", **provider.environment)
        theirs = Tutorial(folder / "tutorial", **provider.environment)
        with running(ours, theirs):
            for app in (ours, theirs):
                app.wait_for_port()
                ask(browser, app, provider, SCENARIOS[0])
            for scenario in scenarios:
                rows: dict[str, list[Row]] = defaultdict(list)
                for turn in range(2 * reps):
                    app, other = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
                    other.freeze()
                    app.thaw()
                    row = undisturbed(browser, app, provider, scenario)
                    rows[app.name].append(row)
                    if raw:
                        with raw.open("a") as out:
                            note = {"app": app.name, "scenario": scenario.name}
                            out.write(json.dumps(note | row) + "\n")
                yield from figures(scenario, rows[ours.name], rows[theirs.name])


def figures(scenario: Scenario, ours: list[Row], theirs: list[Row]) -> Iterator[Line]:
    for key, unit, at_most, ratio in FIGURES:
        if scenario.tokens >= 4000 and key in LONG_AIMS:
            at_most, ratio = LONG_AIMS[key]
        yield figure(
            f"chat.{scenario.name}.{key}",
            [row[key] for row in ours],
            unit,
            baseline=[row[key] for row in theirs],
            at_most=at_most,
            ratio_at_least=ratio,
        )
    for key, unit in (("clock_error", "ms"), ("probe", "s"), ("others", "share")):
        yield figure(f"chat.{scenario.name}.check.{key}", [r[key] for r in ours + theirs], unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--scenarios", default=",".join(s.name for s in SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="two repetitions: a look, no result")
    parser.add_argument("--raw", type=Path, help="every single answer, one JSON line each")
    given = parser.parse_args()
    names = given.scenarios.split(",")
    chosen = tuple(s for s in SCENARIOS if s.name in names)
    if not chosen:
        sys.exit(f"Scenarios are: {', '.join(s.name for s in SCENARIOS)}")
    say(measure(2 if given.quick else given.reps, chosen, given.raw))


if __name__ == "__main__":
    main()
