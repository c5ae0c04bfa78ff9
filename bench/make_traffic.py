"""Plausible traffic for tests, screenshots and benches: seeded, written through the real fold.

    python -m bench.make_traffic data/analytics.db --runs 10000 --days 30 --seed 1

This is a synthetic model, not a measurement; nothing it makes may be quoted as a result.

- Arrivals: uniform over the days, kept with weight 1 from 8 to 19 h UTC on weekdays, 0.25 at other
  hours and 0.3 at weekends. 40 people, drawn with weight 1/rank; a thread has about six turns.
- Tokens: (context, generated) pairs of the Azure 2023 conversation trace when SWITCHBOARD_TEST_DATA
  is set, else log-normal with medians 900 and 180. A third of the input of OpenAI calls is cached.
- Times: log-normal. First token and tokens per second per model: _MODELS. Routing is local (3 ms) or
  a Nova Lite call; retrieval has a median of 12 ms; the data agent calls a tool (25 ms).
- Troubles: 4 % of first attempts fail and fall back to another model; 0.7 % of the runs fail
  altogether, 2.5 % are stopped, 0.4 % ask a person; 3 % of the usage is estimated; `ollama:llama3.2`
  has no price.
- Retrieval: four to six passages of 36 documents (nine of each subject, drawn with weight 1/rank),
  top similarity normal around 0.62; 3 % of the answers stall once or twice. The last third of the days
  has another version of the application.
- Ratings: 6 % of the successful runs have a thumb, 85 % of them up; a thumb down has one of four reasons.
- Two token events stand for each answer: the fold looks at the first and the last speaker only.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from analytics.facts import RunFold, RunMeta
from analytics.feedback import add_ratings
from analytics.rows import RunFacts, run_facts
from analytics.store import AnalyticsStore
from core.catalog import Catalog, load_catalog
from core.database import database_url
from core.events import (
    Attempt,
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupt,
    Interrupted,
    ReasoningStep,
    Route,
    RunStarted,
    Source,
    Sources,
    Token,
    ToolEnd,
    ToolStart,
    UsageReported,
)
from core.pricing import price_call
from core.usage import Usage

HOUR_US = 3_600_000_000
_ROUTER = "bedrock_converse:us.amazon.nova-lite-v1:0"


@dataclass(frozen=True)
class _Model:
    id: str
    provider: str
    weight: float
    first_token_ms: float
    tokens_per_s: float


_MODELS = (
    _Model("openai:gpt-4o-mini", "openai", 0.62, 480, 85),
    _Model(_ROUTER, "aws.bedrock", 0.14, 330, 140),
    _Model("local:extractive", "local", 0.12, 25, 900),
    _Model(
        "bedrock_converse:us.anthropic.claude-haiku-4-5-20251001-v1:0", "aws.bedrock", 0.08, 620, 95
    ),
    _Model("ollama:llama3.2", "ollama", 0.04, 900, 28),
)
_AGENTS = {"technical": 0.34, "general": 0.28, "billing": 0.2, "policy": 0.11, "data": 0.07}
_REASONS = ("wrong", "incomplete", "too slow", "unsafe")
_DOCUMENTS = [f"part-{k}.md" for k in range(1, 10)]
_MODES = {"technical": "rag", "general": "rag", "billing": "hybrid", "policy": "cag"}


class Traffic:
    """Makes runs as event lists. The same seed, size and end give the same runs."""

    def __init__(self, *, seed: int = 1, days: float = 30, until_us: int | None = None) -> None:
        self._random = random.Random(seed)
        self._until_us = until_us or time.time_ns() // 1000
        self._span_us = int(days * 24 * HOUR_US)
        self._catalog: Catalog = load_catalog()
        self._tokens = _trace_tokens()
        self._threads: dict[str, list[str]] = {}

    def runs(self, count: int) -> Iterator[tuple[RunMeta, list[Event]]]:
        """`count` runs in the order they started."""
        for started in sorted(self._moment() for _ in range(count)):
            meta = self._meta(started)
            yield meta, _Run(self, meta).events()

    def facts(self, count: int) -> Iterator[RunFacts]:
        """The same runs, folded into rows."""
        for meta, events in self.runs(count):
            fold = RunFold(meta=meta)
            for event in events:
                fold.add(event)
            yield run_facts(fold)

    def spread(self, median: float, sigma: float = 0.45) -> int:
        """A log-normal number around a median."""
        return max(1, int(self._random.lognormvariate(0, sigma) * median))

    def choose(self, weights: dict[Any, float]) -> Any:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def chance(self, p: float) -> bool:
        return self._random.random() < p

    def tokens(self) -> tuple[int, int]:
        if self._tokens:
            return self._random.choice(self._tokens)
        return self.spread(900, 0.8), self.spread(180, 0.8)

    def cost(self, model: str, usage: Usage) -> dict[str, Any]:
        """The cost fields of a usage event, at the prices of the catalogue's own date."""
        at = datetime.combine(self._catalog.date, datetime.min.time(), UTC)
        cost = price_call(self._catalog, model, usage, region="us-east-1", at=at)
        return {
            "cost_pusd": cost.total_pusd,
            "cost_input_pusd": cost.input_pusd,
            "cost_cache_read_pusd": cost.cache_read_pusd,
            "cost_cache_write_pusd": cost.cache_write_pusd,
            "cost_output_pusd": cost.output_pusd,
            "cost_reasoning_pusd": cost.reasoning_pusd,
            "cost_other_pusd": cost.other_pusd,
            "cost_quality": cost.quality,
            "price_id": cost.price_id,
            "cost_why": cost.why,
        }

    def _moment(self) -> int:
        while True:
            at = self._until_us - int(self._random.random() * self._span_us)
            hour, weekday = (at // HOUR_US) % 24, (at // (24 * HOUR_US) + 3) % 7
            weight = (1.0 if 8 <= hour < 19 else 0.25) * (0.3 if weekday >= 5 else 1.0)
            if self.chance(weight):
                return at

    def _meta(self, started_at_us: int) -> RunMeta:
        user = f"user-{self.choose({k: 1 / k for k in range(1, 41)}):02d}"
        threads = self._threads.setdefault(user, [])
        if not threads or self.chance(1 / 6):
            threads.append(self._id(started_at_us))
        return RunMeta(
            run_id=self._id(started_at_us),
            thread_id=threads[-1],
            user_id=user,
            entry_point=self.choose({"chat": 0.86, "api": 0.09, "compare": 0.05}),
            app_version="0.1.0" if started_at_us < self._until_us - self._span_us // 3 else "0.2.0",
            graph="supervisor",
            started_at_us=started_at_us,
        )

    def _id(self, at_us: int) -> str:
        return f"{at_us // 1000:012x}{self._random.getrandbits(80):020x}"


class _Run:
    """One run's events; `at` is the elapsed time of the next one."""

    def __init__(self, traffic: Traffic, meta: RunMeta) -> None:
        self._t, self._meta = traffic, meta
        self._agent = traffic.choose(_AGENTS)
        self._events: list[Event] = []
        self._at = 0
        self._calls = 0
        # Of its own: what is drawn from it changes nothing else.
        self._more = random.Random(meta.run_id)

    def events(self) -> list[Event]:
        t = self._t
        self._add(
            RunStarted(thread_id=self._meta.thread_id, message_id="q", graph="supervisor"),
            t.spread(400),
        )
        self._route()
        self._add(self._step("answer", "started"), 200)
        if self._agent == "data":
            self._tool()
        else:
            self._retrieve()
        outcome = t.choose({"ok": 0.964, "stopped": 0.025, "failed": 0.007, "asks": 0.004})
        if outcome == "asks":
            self._add(Interrupted(interrupts=(Interrupt(id="i", value="{}"),)), 3000)
            return self._events
        self._answer(outcome)
        return self._events

    def _add(self, event: Event, after_us: int) -> None:
        self._at += after_us
        for name, value in (
            ("run_id", self._meta.run_id),
            ("seq", len(self._events)),
            ("elapsed_us", self._at),
            ("at_us", self._meta.started_at_us + self._at),
        ):
            object.__setattr__(event, name, value)
        self._events.append(event)

    def _step(self, name: str, status: Any) -> ReasoningStep:
        agent = self._agent if name == "answer" else None
        return ReasoningStep(step_id=name, name=name, agent=agent, status=status)

    def _route(self) -> None:
        t = self._t
        self._add(self._step("supervisor", "started"), 300)
        began, decider = self._at, t.choose({"local": 0.45, "model": 0.55})
        if decider == "model":
            router = _MODELS[1]
            self._call(router, "route", router.id, tokens=(t.spread(350), t.spread(9)))
        lasted = t.spread(3_000) + self._at - began
        route = Route(agent=self._agent, decided_by=decider, reason="synthetic", duration_us=lasted)
        self._add(route, lasted - (self._at - began))
        self._add(self._step("supervisor", "ok"), 50)

    def _tool(self) -> None:
        start = ToolStart(tool_call_id="t", name="query_metrics", input="{}", agent=self._agent)
        self._add(start, 300)
        error = "synthetic" if self._t.chance(0.02) else None
        end = ToolEnd(tool_call_id="t", name="query_metrics", output_bytes=800, error=error)
        self._add(end, self._t.spread(25_000))

    def _retrieve(self) -> None:
        t = self._t
        lasted, found = t.spread(12_000), t.choose({0: 0.02, 4: 0.3, 6: 0.68})
        names = self._more.choices(_DOCUMENTS, [1 / k for k in range(1, 10)], k=found)
        top = min(0.95, max(0.05, self._more.gauss(0.62, 0.12)))
        sources = tuple(
            Source(
                n=n,
                passage_id=f"p{n}",
                document=f"{self._agent}/{name}",
                title="t",
                area=self._agent,
                text="x" * 900,
                score=top * 0.9 ** (n - 1),
            )
            for n, name in enumerate(names, 1)
        )
        mode: Any = _MODES[self._agent]
        self._add(
            Sources(mode=mode, query="q", agent=self._agent, sources=sources, duration_us=lasted),
            lasted,
        )

    def _answer(self, outcome: str) -> None:
        t = self._t
        model = t.choose({m: m.weight for m in _MODELS})
        others = {m: m.weight for m in _MODELS if m is not model}
        if outcome == "failed":
            self._call(model, "answer", "a", fails="ModelUnavailable")
            self._add(self._step("answer", "error"), 100)
            end = Failed(
                code="model_unavailable", message="Down.", what_to_do="Wait.", retryable=True
            )
            self._add(end, 500)
            return
        first_try = 1
        if t.chance(0.04):
            following = t.choose(others)
            self._call(model, "answer", "a", fails="ModelRateLimited", then=following.id)
            model, first_try = following, 2
        self._call(model, "answer", "a", attempt=first_try, stopped=outcome == "stopped")
        self._add(self._step("answer", "cancelled" if outcome == "stopped" else "ok"), 100)
        ends: Event = Cancelled(by="user") if outcome == "stopped" else Completed(message_id="a")
        self._add(ends, t.spread(2_000))

    def _call(
        self,
        model: _Model,
        purpose: Any,
        operation: str,
        *,
        attempt: int = 1,
        tokens: tuple[int, int] | None = None,
        fails: str | None = None,
        then: str | None = None,
        stopped: bool = False,
    ) -> None:
        t, agent = self._t, self._agent if purpose == "answer" else None
        self._calls += 1
        shared: dict[str, Any] = {
            "call_id": f"{self._meta.run_id}-{self._calls}",
            "logical_call_id": operation,
            "attempt": attempt,
            "purpose": purpose,
            "model": model.id,
            "provider": model.provider,
            "agent": agent,
        }
        self._add(Attempt(**shared, outcome="started"), 200)
        if fails:
            lasted = t.spread(250_000)
            failed = {"error_type": fails, "http_status": 503, "next_model": then}
            self._add(Attempt(**shared, outcome="error", duration_us=lasted, **failed), lasted)
            return
        context, generated = tokens or t.tokens()
        if stopped:
            generated = max(1, generated // 3)
        first = t.spread(model.first_token_ms * 1000)
        decode = int(max(0, generated - 1) / t.spread(model.tokens_per_s, 0.2) * 1e6)
        if purpose == "answer":
            self._add(Token(text="It", message_id="a", agent=agent), first)
            self._add(Token(text=" is.", message_id="a", agent=agent), decode)
        else:
            self._at += first + decode
        times = _times(first, decode, generated)
        if purpose == "answer" and self._more.random() < 0.03:
            count = self._more.choice((1, 1, 2))
            times |= {"stall_count": count, "stall_us": min(decode, count * 1_400_000)}
        outcome: Any = "cancelled" if stopped else "ok"
        self._add(Attempt(**shared, **times, outcome=outcome, finish_reason="stop"), 500)
        self._usage(model, purpose, shared["call_id"], context, generated, estimated=stopped)

    def _usage(
        self, model: _Model, purpose: Any, call_id: str, given: int, made: int, *, estimated: bool
    ) -> None:
        t = self._t
        source: Any = "estimate" if estimated or t.chance(0.03) else "provider"
        cached = given // 3 if model.provider == "openai" else 0
        usage = Usage(input_tokens=given, cache_read=cached, output_tokens=made, source=source)
        event = UsageReported(
            call_id=call_id,
            model=model.id,
            provider=model.provider,
            purpose=purpose,
            input_tokens=given,
            cache_read_tokens=cached,
            cache_write_tokens=0,
            output_tokens=made,
            reasoning_tokens=0,
            source=source,
            **t.cost(model.id, usage),
        )
        self._add(event, 100)


def _times(first: int, decode: int, generated: int) -> dict[str, Any]:
    """The time fields of an attempt that gave all its tokens."""
    gap = decode // max(1, generated - 1)
    return {
        "first_chunk_us": first - first // 20,
        "first_token_us": first,
        "first_answer_us": first,
        "last_token_us": first + decode,
        "duration_us": first + decode + 500,
        "chunk_count": generated,
        "gap_p50_us": gap,
        "gap_p95_us": gap * 3,
        "gap_max_us": gap * 8,
    }


def _trace_tokens() -> list[tuple[int, int]]:
    folder = os.environ.get("SWITCHBOARD_TEST_DATA")
    path = Path(folder or "") / "llm-traces" / "AzureLLMInferenceTrace_conv.csv.gz"
    if not folder or not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        return [(int(r["ContextTokens"]), max(1, int(r["GeneratedTokens"]))) for r in rows]


def feedback_rows(facts: Sequence[RunFacts], seed: int = 1) -> list[dict[str, Any]]:
    """Rows of `feedback`: about 6 % of the successful runs rated, 85 % of them up."""
    rated = [f.run for f in facts if f.run["status"] == "ok"]
    rows = []
    for run in rated:
        # By the run alone: the same run is rated alike in every batch.
        chance = random.Random(f"{seed}:{run['run_id']}")
        if chance.random() >= 0.06:
            continue
        up = chance.random() < 0.85
        at_us = int(run["ended_at_us"] or 0) + int(chance.random() * 60e6)
        rows.append(
            {
                "feedback_id": f"f-{run['run_id']}",
                "run_id": run["run_id"],
                "conversation_id": run["conversation_id"],
                "user_id": run["user_id"],
                "source": "user",
                "evaluation_name": "thumbs",
                "evaluation_score_value": float(up),
                "evaluation_score_label": None if up else chance.choice(_REASONS),
                "created_at_us": at_us,
                "updated_at_us": at_us,
            }
        )
    return rows


def write_traffic(path: str | Path, count: int, traffic: Traffic, *, batch: int = 500) -> int:
    """Writes `count` runs and some ratings into a database. Returns the rows of the runs."""
    store = AnalyticsStore(database_url(path))
    facts, rows = traffic.facts(count), 0
    while part := list(islice(facts, batch)):
        rows += store.write([], part)
        if rated := feedback_rows(part):
            store.run(lambda connection, rows=rated: add_ratings(connection, rows))
    store.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Write synthetic runs into an analytics database.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = write_traffic(given.path, given.runs, Traffic(seed=given.seed, days=given.days))
    print(f"{given.runs} runs, {rows} rows -> {given.path}")


if __name__ == "__main__":
    main()
