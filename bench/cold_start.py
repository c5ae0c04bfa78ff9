"""Cold start: from the process's start to a page one can type in, and to the first answer.

    python -m bench.cold_start [--quick] [--reps 5]

Fresh process and fresh data folder each time; package files and bytecode are warm in the page cache,
Chromium is running. Switchboard answers keyless, from its documents, with the embedded answerer; the
tutorial app's model is the paced provider, which answers at once. In turns.

    port              process start -> the port takes a connection
    usable            process start -> the chat input can be used
    first_text        process start -> the first words of an answer asked for as soon as possible
    first_answer      process start -> that answer is whole
    second_answer     Enter -> the next answer's first words, everything loaded
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.apps import App, Provider, Switchboard, Tutorial, running, work_folder
from bench.browser import Browser, BrowserError, Page
from bench.figures import Line, figure, say

QUESTION = "How is the cost of an answer computed?"
FIGURES = ("port", "usable", "first_text", "first_answer", "second_answer")
WAIT_MS = 60_000
# In the newest message, which first is the question (it ends with a question mark or a bracket),
# then an answer with a status line ("Choosing a specialist… 0 s") and then the answer itself.
TEXT = {"switchboard": r"[^\s\d…?\]]{2,}\.|\[1\]", "tutorial": "BEGIN-cold"}
WHOLE = {"switchboard": r"total \d", "tutorial": "END-cold"}


def said(page: Page, pattern: str, count: int) -> float:
    """The monotonic time at which the newest of at least `count` messages matches."""
    at = page.call("says", pattern, count, WAIT_MS, timeout=WAIT_MS / 1000 + 5)
    if at is None:
        raise BrowserError(f"no message ever matched {pattern}")
    return page.monotonic(at)


def cold(browser: Browser, app: App) -> dict[str, float]:
    """One start; seconds."""
    start = app.started_at
    with browser.page() as page:
        row = {"port": app.wait_for_port() - start, "usable": page.open(app.url) - start}
        page.type(QUESTION)
        page.press_enter()
        row["first_text"] = said(page, TEXT[app.name], 2) - start
        row["first_answer"] = said(page, WHOLE[app.name], 2) - start
        time.sleep(1.5)
        page.type(QUESTION)
        again = time.monotonic()
        page.press_enter()
        row["second_answer"] = said(page, TEXT[app.name], 4) - again
    return row


def measure(reps: int) -> Iterator[Line]:
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    with work_folder() as folder, running(provider := Provider(folder)), Browser() as browser:
        provider.arm("cold", tokens=100, rate=0, wait_ms=0)
        for turn in range(2 * reps):
            home = folder / str(turn)
            app = Switchboard(home) if turn % 2 == 0 else Tutorial(home, **provider.environment)
            with running(app):
                rows[app.name].append(cold(browser, app))
    for key in FIGURES:
        ours, theirs = ([row[key] for row in rows[name]] for name in ("switchboard", "tutorial"))
        yield figure(f"cold.{key}", ours, "s", baseline=theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two starts: a look, no result")
    given = parser.parse_args()
    say(measure(2 if given.quick else given.reps))


if __name__ == "__main__":
    main()
