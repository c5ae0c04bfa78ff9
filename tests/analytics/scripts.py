"""Scripted runs: short event lists with times one can check by head."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analytics.facts import RunFold, RunMeta
from analytics.rows import RunFacts, run_facts
from analytics.store import AnalyticsStore
from core.database import database_url
from core.events import Attempt, Completed, Event, Route, RunStarted, Token, UsageReported

Scripted = tuple[RunMeta, list[Event]]
START_US = 1_700_000_000_000_000
MODEL = "openai:gpt-4o-mini"


def meta(run_id: str = "r1", **more: Any) -> RunMeta:
    return RunMeta(
        **{"run_id": run_id, "thread_id": "t1", "started_at_us": START_US, "user_id": "ann"} | more
    )


def script(*steps: tuple[int, Event], run_id: str = "r1") -> list[Event]:
    """Events stamped with elapsed milliseconds. The wall clock is wrong on purpose: it runs back."""
    for seq, (elapsed_ms, event) in enumerate(steps):
        stamps = {
            "run_id": run_id,
            "seq": seq,
            "elapsed_us": elapsed_ms * 1000,
            "at_us": START_US - seq * 10**9,
        }
        for name, value in stamps.items():
            object.__setattr__(event, name, value)
    return [event for _, event in steps]


def folded(events: list[Event], of: RunMeta | None = None) -> RunFold:
    fold = RunFold(meta=of or meta())
    for event in events:
        fold.add(event)
    return fold


def facts(*steps: tuple[int, Event], of: RunMeta | None = None) -> RunFacts:
    return run_facts(folded(script(*steps), of))


def started(**more: Any) -> RunStarted:
    return RunStarted(**{"thread_id": "t1", "message_id": "q", "graph": "supervisor"} | more)


def attempt(outcome: Any, call_id: str = "c1", **more: Any) -> Attempt:
    given = {
        "call_id": call_id,
        "logical_call_id": "op",
        "attempt": 1,
        "purpose": "answer",
        "model": MODEL,
        "provider": "openai",
        "outcome": outcome,
    }
    return Attempt(**given | more)


def usage(call_id: str = "c1", **more: Any) -> UsageReported:
    given = {
        "call_id": call_id,
        "model": MODEL,
        "provider": "openai",
        "purpose": "answer",
        "input_tokens": 100,
        "output_tokens": 11,
        "source": "provider",
        "cost_pusd": 21_600_000,
    }
    return UsageReported(**given | more)


def simple_run(
    of: RunMeta | None = None,
    *,
    agent: str = "billing",
    first_ms: int = 40,
    end_ms: int = 100,
    end: Event | None = None,
    **used: Any,
) -> tuple[RunMeta, list[Event]]:
    """Routed, answered by one call: the smallest complete run."""
    given = of or meta()
    call = {"call_id": f"{given.run_id}-c", "model": used.pop("model", MODEL)}
    events = script(
        (0, started()),
        (10, Route(agent=agent, decided_by="local", reason="vote", duration_us=5_000)),
        (20, attempt("started", **call)),
        (first_ms, Token(text="Hi", message_id="a", agent=agent)),
        (
            end_ms - 5,
            attempt("ok", first_token_us=20_000, last_token_us=30_000, duration_us=70_000, **call),
        ),
        (end_ms - 4, usage(**call | used)),
        (end_ms, end or Completed(message_id="a")),
        run_id=given.run_id,
    )
    return given, events


def facts_of(runs: Iterable[Scripted]) -> list[RunFacts]:
    """What the recorder would write of them."""
    return [run_facts(folded(events, of)) for of, events in runs]


def write(path: Path, *runs: Scripted) -> None:
    """Records runs that ended."""
    store = AnalyticsStore(database_url(path))
    store.write([], facts_of(runs))
    store.close()


def at(k: int, minutes: float, **more: Any) -> RunMeta:
    """The meta of run k, some minutes after START_US."""
    return meta(f"r{k:03d}", started_at_us=START_US + int(minutes * 60e6), **more)
