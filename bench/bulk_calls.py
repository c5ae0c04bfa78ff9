"""The attempts at models of drawn runs (bench/bulk_model.py): tokens, prices, what became of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.bulk_model import (
    CANCELLED,
    FALLBACK,
    ROUTER,
    SPEAKERS,
    TIMEOUT,
    Ints,
    Mask,
    Prices,
    Runs,
)

_PROVIDERS = tuple(s.provider for s in SPEAKERS)
_CACHED, _WRITTEN, _REASONING = (
    np.array([getattr(s, name) for s in SPEAKERS]) for name in ("cached", "written", "reasoning")
)


class Calls:
    """The attempts at models of some runs, in the order of run and time; `run` says which."""

    def __init__(self, runs: Runs, rng: np.random.Generator, prices: Prices) -> None:
        self.runs = runs
        groups = [
            self._routes(runs),
            self._failed(runs, rng),
            self._answers(runs),
        ]
        joined = {name: np.concatenate([g[name] for g in groups]) for name in groups[0]}
        order = np.lexsort((joined["start"], joined["run"]))
        for name, values in joined.items():
            setattr(self, name, values[order])
        self.n = len(order)
        self._usage(rng)
        self._cost(prices)

    run: Ints
    route: Mask
    model: Ints
    attempt: Ints
    start: Ints
    first: Ints
    last: Ints
    duration: Ints
    context: Ints
    made: Ints
    failed: Mask
    cancelled: Mask
    error: Ints
    moved_from: Ints
    final: Mask
    stalls: Ints
    stalled: Ints

    @staticmethod
    def _routes(runs: Runs) -> dict[str, Any]:
        run = np.flatnonzero(runs.routed)
        return _group(
            run,
            route=True,
            model=np.full(len(run), ROUTER),
            start=runs.queue[run],
            first=runs.route_first[run],
            last=runs.route_last[run],
            duration=runs.route_last[run] + 500,
            context=runs.route_context[run],
            made=runs.route_made[run],
        )

    @staticmethod
    def _failed(runs: Runs, rng: np.random.Generator) -> dict[str, Any]:
        run = np.flatnonzero(runs.fails)
        limited = rng.random(len(run)) < 0.4
        return _group(
            run,
            model=runs.asked[run],
            start=runs.failed_from[run],
            duration=runs.failed[run],
            failed=np.ones(len(run), dtype=bool),
            error=np.where(runs.status[run] == TIMEOUT, 2, np.where(limited, 0, 1)),
            final=runs.hop[run] == 0,
        )

    @staticmethod
    def _answers(runs: Runs) -> dict[str, Any]:
        run = np.flatnonzero(runs.answers)
        return _group(
            run,
            model=runs.model[run],
            attempt=np.where(runs.hop[run] > 0, 2, 1),
            start=runs.answer_from[run],
            first=runs.first[run],
            last=runs.last[run],
            duration=runs.answer[run],
            context=runs.context[run],
            made=runs.made[run],
            cancelled=runs.status[run] == CANCELLED,
            moved_from=np.where(runs.hop[run] == FALLBACK, runs.asked[run], -1),
            stalls=runs.stalls[run],
            stalled=runs.stalled[run],
        )

    def _usage(self, rng: np.random.Generator) -> None:
        self.due = ~self.failed
        self.known = self.due & (rng.random(self.n) >= 0.002)
        self.estimated = self.known & (self.cancelled | (rng.random(self.n) < 0.03))
        self.reported = self.known & ~self.estimated
        hit = rng.random(self.n) < 0.7
        self.read = np.where(hit, self.context * _CACHED[self.model], 0).astype(np.int64)
        self.written = (self.context * _WRITTEN[self.model]).astype(np.int64)
        self.reasoning = (self.made * _REASONING[self.model]).astype(np.int64)
        self.doubtful = self.known & (rng.random(self.n) < 0.0005)

    def _cost(self, prices: Prices) -> None:
        self.priced = prices.known[self.model] & (self.known | (self.due & self._local))
        free = self._local
        self.cost_input = (self.context - self.read - self.written) * prices.input[self.model]
        self.cost_read = self.read * prices.read[self.model]
        self.cost_written = self.written * prices.written[self.model]
        self.cost_output = (self.made - self.reasoning) * prices.output[self.model]
        self.cost_reasoning = self.reasoning * prices.reasoning[self.model]
        self.cost = (
            self.cost_input
            + self.cost_read
            + self.cost_written
            + self.cost_output
            + self.cost_reasoning
        )
        assert not self.cost[free].any(), "the local model costs something"

    @property
    def _local(self) -> Mask:
        return np.array([p == "local" for p in _PROVIDERS])[self.model]

    def sums(self, values: Ints, counted: Mask) -> Ints:
        """By run, of the calls that count."""
        weights = np.where(counted, values, 0).astype(np.float64)
        return np.bincount(self.run, weights, minlength=self.runs.n).astype(np.int64)

    def count(self, counted: Mask) -> Ints:
        return np.bincount(self.run[counted], minlength=self.runs.n)


def _group(run: Ints, **given: Any) -> dict[str, Any]:
    n = len(run)
    none = np.full(n, -1)
    plain = {name: np.zeros(n, dtype=np.int64) for name in ("context", "made", "stalls", "stalled")}
    values: dict[str, Any] = {
        "run": run,
        "attempt": np.ones(n, dtype=np.int64),
        "failed": np.zeros(n, dtype=bool),
        "cancelled": np.zeros(n, dtype=bool),
        "final": np.ones(n, dtype=bool),
        **dict.fromkeys(("error", "moved_from", "first", "last"), none),
        **plain,
        **given,
    }
    values["route"] = np.full(n, bool(given.get("route", False)))
    return values
