"""Stop, a hundred times at random moments: from the request until the provider sees the hang-up.

    python -m bench.stop_runs [--quick] [--stops 100] [--clicks 20]

For either protocol: the real runtime, real HTTP over loopback, and a provider that notes when its
client hung up and how many tokens it had sent. A quarter of the stops come before the first token, a
quarter in mid-answer, a quarter between a tool and the answer, and a quarter around the last token. Then
the same through the page, in Chromium. `sent_after` is what the provider still wrote after the request
to stop, `shown_after` what still reached the reader; a run that ended first is `too_late`.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from bench.apps import Switchboard, running, work_folder
from bench.browser import Browser, Page
from bench.figures import Line, figure, p95, say
from core.settings import Settings
from tests.provider import ProviderServer, Reply
from tests.provider.reply import ToolCall
from tests.provider.wire import Recorded

Moment = Literal["first_token", "mid_answer", "after_tool", "the_end"]
MOMENTS: tuple[Moment, ...] = ("first_token", "mid_answer", "after_tool", "the_end")
MODELS = {
    "openai": "openai:gpt-4o-mini",
    "bedrock": "bedrock_converse:us.amazon.nova-lite-v1:0",
}
LOCAL = "local:extractive"
QUESTION = "What is Switchboard?"
WORD_MS = 5
WAIT_MS = 400
LONG = Reply(text="word " * 300, per_token_ms=WORD_MS)
SHORT = Reply(text="word " * 40, per_token_ms=WORD_MS)
SLOW = Reply(text="word " * 300, first_ms=WAIT_MS, per_token_ms=WORD_MS)
SEARCH = Reply(tool_calls=(ToolCall(name="search_docs", args={"query": "Switchboard"}),))
PATIENCE_S = 2.5
NOTE_TARGET = (
    "document.addEventListener('click', (e) => "
    "{ window.__hit = e.target.closest('.st-key-stop') !== null }, true)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """What became of one. `ms` is None when nothing was open at the provider, or never closed."""

    moment: str
    ms: float | None = None
    ended_ms: float = 0.0
    """Until the run's last event was there."""
    open: bool = True
    too_late: bool = False
    sent_after: int = 0
    shown_after: int = 0
    text_kept: bool = True


def arm(provider: ProviderServer, moment: Moment) -> None:
    """What the provider says to the run that comes."""
    provider.reset()
    if moment == "after_tool":
        provider.respond = lambda request: SLOW if _has_result(request) else SEARCH
    else:
        provider.default = {"first_token": SLOW, "mid_answer": LONG}.get(moment, SHORT)


def _has_result(request: Recorded) -> bool:
    text = str(request.body)
    return "toolResult" in text or "'role': 'tool'" in text


def wait_for_moment(
    run: Run, provider: ProviderServer, moment: Moment, dice: random.Random
) -> None:
    if moment == "first_token":
        provider.wait_for_request(1, 20)
        time.sleep(dice.uniform(0, WAIT_MS / 1000))
    elif moment == "mid_answer":
        _until(run, "token")
        time.sleep(dice.uniform(0, 1.4))
    elif moment == "after_tool":
        _until(run, "tool_end")
        time.sleep(dice.uniform(0, 0.05))
    else:
        _until(run, "token")
        time.sleep(max(0.0, 39 * WORD_MS / 1000 + dice.uniform(-0.06, 0.06)))


def _until(run: Run, kind: str) -> None:
    deadline = time.monotonic() + 20
    while not any(event.type == kind for event in run.read()):
        if time.monotonic() > deadline or run.finished:
            raise RuntimeError(f"no {kind} came: {[event.type for event in run.events]}")
        time.sleep(0.001)


def stop_once(
    runtime: Runtime, provider: ProviderServer, moment: Moment, dice: random.Random
) -> Stop:
    arm(provider, moment)
    graph = "react" if moment == "after_tool" else "supervisor"
    agent = "general" if graph == "supervisor" else None
    run = runtime.start(TurnRequest(text=QUESTION, graph=graph, agent=agent))
    wait_for_moment(run, provider, moment, dice)
    asked = time.monotonic()
    going = [r for r in provider.requests if r.ended is None and r.closed_by_client_at is None]
    sent = sum(r.tokens_sent for r in provider.requests)
    runtime.runs.cancel(run.id)
    while not run.finished:
        run.wait(len(run.events) - 1, 0.05)
    ended = time.monotonic()
    end = run.events[-1]
    if end.type != "cancelled":
        return Stop(moment=moment, too_late=True)
    gone_at = _gone(provider, going)
    shown = "".join(event.text for event in run.events if event.type == "token")
    kept = runtime.threads.messages(run.thread_id, "local")[-1].text
    return Stop(
        moment=moment,
        ms=None if gone_at is None else (gone_at - asked) * 1000,
        ended_ms=(ended - asked) * 1000,
        open=bool(going),
        sent_after=sum(r.tokens_sent for r in provider.requests) - sent,
        shown_after=end.tokens_after_stop,
        text_kept=kept == shown,
    )


def _gone(provider: ProviderServer, going: list[Recorded]) -> float | None:
    """When the last of the open requests was hung up on; None when there was none, or it never was."""
    deadline = time.monotonic() + PATIENCE_S
    while going and time.monotonic() < deadline:
        if all(r.closed_by_client_at is not None or r.ended is not None for r in going):
            gone = [r.closed_by_client_at for r in going if r.closed_by_client_at is not None]
            return max(gone, default=None)
        time.sleep(0.002)
    return None


def through_runs(dialect: str, count: int, folder: Path) -> Iterator[Line]:
    dice = random.Random(f"{dialect} {count}")
    with ProviderServer() as provider:
        runtime = Runtime(
            Settings(
                data_dir=folder / dialect,
                openai_api_key="sk-bench-1234567890",  # type: ignore[arg-type]
                openai_base_url=provider.openai_url,
                bedrock_endpoint_url=provider.bedrock_url,
                answer_models=(MODELS[dialect],),
                router_models=(LOCAL,),
            )
        )
        try:
            for moment in MOMENTS:  # imports, graphs and connections are there
                stop_once(runtime, provider, moment, dice)
            stops = [
                stop_once(runtime, provider, MOMENTS[n % len(MOMENTS)], dice) for n in range(count)
            ]
        finally:
            runtime.close()
    yield from figures(f"stop_runs.{dialect}", stops)


def figures(name: str, all_stops: list[Stop]) -> Iterator[Line]:
    stops = [stop for stop in all_stops if not stop.too_late]
    times = [stop.ms for stop in stops if stop.ms is not None]
    never = sum(stop.open and stop.ms is None for stop in stops)
    if times:
        yield figure(f"{name}.hang_up_p50", times, "ms", at_most=100)
        yield figure(f"{name}.hang_up_p95", p95(times), "ms", at_most=250)
    yield figure(f"{name}.run_ended_p95", p95([stop.ended_ms for stop in stops]), "ms")
    for moment in dict.fromkeys(stop.moment for stop in stops):
        own = [s.ms for s in stops if s.moment == moment and s.ms is not None]
        if own:
            yield figure(f"{name}.{moment}", own, "ms")
    total = f"of {len(stops)}"
    yield figure(f"{name}.never_closed", never, total, at_most=0)
    yield figure(f"{name}.nothing_open", sum(not stop.open for stop in stops), total)
    yield figure(f"{name}.too_late", len(all_stops) - len(stops), f"of {len(all_stops)}")
    yield figure(f"{name}.text_lost", sum(not s.text_kept for s in stops), total, at_most=0)
    for what in ("sent_after", "shown_after"):
        counts = [getattr(stop, what) for stop in stops]
        yield figure(f"{name}.{what}_sum", sum(counts), f"tokens in {len(stops)} stops")
        yield figure(f"{name}.{what}_max", max(counts), "tokens")


def click_once(page: Page, app: Switchboard, provider: ProviderServer, wait_s: float) -> Stop:
    """Asks, waits from the request's arrival, clicks Stop. Too late: the button moved away."""
    provider.reset().default = SLOW
    page.run(NOTE_TARGET)
    page.call("watch", "word")
    page.type(QUESTION)
    time.sleep(0.3)
    page.press_enter()
    request = provider.wait_for_request(1, 20)
    page.call("usable", app.stop_selector, 4000)
    time.sleep(max(0.0, request.received + wait_s - time.monotonic()))
    offset, _ = page.clock()
    sent = request.tokens_sent
    if not page.click(app.stop_selector):
        return Stop(moment="clicks", too_late=True)
    if not page.run("window.__hit"):
        return Stop(moment="clicks", too_late=True)
    gone_at = _gone(provider, [request])
    clicked = page.call("result")["clicked"] / 1000 + offset
    return Stop(
        moment="clicks",
        ms=None if gone_at is None else (gone_at - clicked) * 1000,
        sent_after=request.tokens_sent - sent,
    )


def through_page(dialect: str, clicks: int, folder: Path) -> Iterator[Line]:
    dice = random.Random(clicks)
    with ProviderServer() as provider, Browser() as browser:
        app = Switchboard(
            folder / f"page-{dialect}",
            OPENAI_API_KEY="sk-bench-1234567890",
            OPENAI_BASE_URL=provider.openai_url,
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=provider.bedrock_url,
            SWITCHBOARD_ANSWER_MODELS=MODELS[dialect],
            SWITCHBOARD_ROUTER_MODELS=LOCAL,
            **AWS,
        )
        with running(app):
            app.wait_for_port()
            stops = []
            for _ in range(clicks + 1):
                with browser.page() as page:
                    page.open(app.url)
                    time.sleep(0.5)
                    stops.append(click_once(page, app, provider, dice.uniform(0.1, 1.6)))
    missed = sum(stop.too_late for stop in stops[1:])
    stops = [stop for stop in stops[1:] if not stop.too_late]  # the first one waited for imports
    times = [stop.ms for stop in stops if stop.ms is not None]
    name = f"stop_runs.page_{dialect}"
    if times:
        yield figure(f"{name}.hang_up_p50", times, "ms", at_most=100)
        yield figure(f"{name}.hang_up_p95", p95(times), "ms", at_most=250)
    never = sum(stop.ms is None for stop in stops)
    yield figure(f"{name}.never_closed", never, f"of {len(stops)}", at_most=0)
    yield figure(f"{name}.button_missed", missed, f"of {clicks}")
    yield figure(f"{name}.sent_after_max", max(stop.sent_after for stop in stops), "tokens")


AWS = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHBENCHBENCH0",
    "AWS_SECRET_ACCESS_KEY": "bench-bench-bench",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def measure(stops: int, clicks: int, dialects: list[str]) -> Iterator[Line]:
    os.environ.update(AWS)  # this process talks to loopback only
    parts: tuple[tuple[Callable[[str, int, Path], Iterator[Line]], int], ...] = (
        (through_runs, stops),
        (through_page, clicks),
    )
    with work_folder() as folder:
        for part, count in parts:
            for dialect in dialects:
                if count:
                    yield from part(dialect, count, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stops", type=int, default=100, help="per protocol")
    parser.add_argument("--clicks", type=int, default=20, help="per protocol, through the page")
    parser.add_argument("--dialects", default=",".join(MODELS))
    parser.add_argument("--quick", action="store_true", help="twelve and four: a look, no result")
    given = parser.parse_args()
    stops, clicks = (12, 4) if given.quick else (given.stops, given.clicks)
    say(measure(stops, clicks, given.dialects.split(",")))


if __name__ == "__main__":
    main()
