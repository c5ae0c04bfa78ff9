"""Stop: from the click to the provider's closed connection, at random moments of an answer.

    python -m bench.stop [--quick] [--clicks 24]

Half of the clicks come before the first token, half in the middle of the stream (the provider waits
0.8 s and then sends 100 tokens/s). The tutorial app is stopped with Streamlit's own button; where the
provider had to send everything, the time until it had done so counts, which is a lower bound. `text_still` is
from the click to the last growth of the text.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bench.apps import App, Provider, Switchboard, Tutorial, running, work_folder
from bench.browser import Browser, Page
from bench.chat_browser import VOTED, Scenario, ask
from bench.figures import Line, figure, say

STOPPED = Scenario(name="stopped", tokens=320, rate=100, wait_ms=800, question=VOTED)
MOMENTS_S = {"before_first_token": (0.0, 0.7), "mid_stream": (0.9, 3.2)}
"""From the request's arrival at the provider to the click."""
BUTTON_MS = 4000


def click_once(page: Page, app: App, provider: Provider, wait_s: float) -> dict[str, Any] | None:
    """Asks, waits, stops. None when there was no button to click."""
    answer_id = STOPPED.arm(provider)
    page.call("watch", answer_id)
    page.type(STOPPED.question)
    time.sleep(0.3)
    page.press_enter()
    arrived = provider.records(answer_id, "come")[-1]["request_at"]
    if page.call("usable", app.stop_selector, BUTTON_MS) is None:
        return None
    time.sleep(max(0.0, arrived + wait_s - time.monotonic()))
    offset, _ = page.clock()
    if not page.click(app.stop_selector):
        return None
    clicked = page.call("result")["clicked"] / 1000 + offset
    answering = provider.records(answer_id, "done")[-1]
    closed = answering["gone_at"] is not None
    ended_at = answering["gone_at"] if closed else answering["done_at"]
    time.sleep(0.3)
    grown = page.call("result")["grown"]
    early = answering["first_at"] is None or clicked < answering["first_at"]
    return {
        "moment": "before_first_token" if early else "mid_stream",
        "ms": (ended_at - clicked) * 1000,
        "closed": closed,
        "text_still": max(0.0, ((grown or 0) / 1000 + offset - clicked) * 1000),
    }


def fresh_click(browser: Browser, app: App, provider: Provider, wait_s: float) -> dict[str, Any]:
    """On a page of its own; `missing` where no stop button came."""
    with browser.page() as page:
        page.open(app.url)
        time.sleep(0.7)
        return click_once(page, app, provider, wait_s) or {"moment": "missing"}


def measure(count: int) -> Iterator[Line]:
    dice = random.Random(count)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with work_folder() as folder, running(provider := Provider(folder)), Browser() as browser:
        ours = Switchboard(folder / "switchboard", **provider.environment)
        theirs = Tutorial(folder / "tutorial", **provider.environment)
        with running(ours, theirs):
            for app in (ours, theirs):
                app.wait_for_port()
                ask(browser, app, provider, STOPPED)
            for number in range(count):
                wait_s = dice.uniform(*list(MOMENTS_S.values())[number % 2])
                for app, other in ((ours, theirs), (theirs, ours)):
                    other.freeze()
                    app.thaw()
                    rows[app.name].append(fresh_click(browser, app, provider, wait_s))
    yield from figures(rows[ours.name], rows[theirs.name])


def figures(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[Line]:
    for moment in MOMENTS_S:
        mine, baseline = (
            [row["ms"] for row in rows if row["moment"] == moment] for rows in (ours, theirs)
        )
        if mine:
            yield figure(f"stop.{moment}", mine, "ms", baseline=baseline or None, at_most=250)
    for name, test in (
        ("never_closed", lambda row: row.get("closed") is False),
        ("no_button", lambda row: row["moment"] == "missing"),
    ):
        yield figure(
            f"stop.{name}",
            float(sum(map(test, ours))),
            f"of {len(ours)}",
            baseline=float(sum(map(test, theirs))),
            at_most=0,
        )
    mine, baseline = ([row for row in rows if "ms" in row] for rows in (ours, theirs))
    if mine:
        yield figure("stop.slowest", max(row["ms"] for row in mine), "ms", at_most=250)
        yield figure(
            "stop.text_still",
            [row["text_still"] for row in mine],
            "ms",
            baseline=[row["text_still"] for row in baseline] or None,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clicks", type=int, default=24, help="per app")
    parser.add_argument("--quick", action="store_true", help="six clicks: a look, no result")
    given = parser.parse_args()
    say(measure(6 if given.quick else given.clicks))


if __name__ == "__main__":
    main()
