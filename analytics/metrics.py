"""What each figure is: the value types of the query layer and the arithmetic behind them.

Arrays use -1 for NULL (`NONE`): no column of ours is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analytics.intervals import minimum_n, wilson

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NONE = -1

RunMeasure = Literal["first_token_us", "duration_us", "first_event_us", "queue_us"]

OK = "ok"
FAILED = ("error", "timeout", "lost")
"""Statuses of runs that count as failures. Cancelled and interrupted are neither ok nor failed."""

DEFINITIONS: dict[str, str] = {
    "runs": "Turns started in the range, whatever became of them.",
    "users": "Different people who started a run in the range.",
    "cost": "Sum of the known costs of all calls, failed ones included.",
    "tokens": "Input and output tokens of all calls as reported, cached and reasoning included.",
    "ttft": "From submitting to the first answer token shown; successful runs.",
    "latency": "From submitting to the end of the answer; successful runs.",
    "failure_rate": "Failed / (ok + failed), after retries and fallbacks; stopped runs in neither.",
    "attempt_error_rate": "Failed attempts / (ok + failed); stopped ones in neither.",
    "fallback_rate": "Operations that ended on another model / all operations.",
    "tokens_per_second": "Sum of (output tokens - 1) / sum of (last token - first token).",
}
"""One sentence per figure, for the page to show beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentile:
    """A quantile in microseconds, with what it rests on. `enough` False: show it grey, or not."""

    q: float
    value: float | None
    n: int
    maximum: int | None

    @property
    def enough(self) -> bool:
        """Whether n reaches the smallest size for which an interval exists."""
        return self.n >= minimum_n(self.q)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """k of n with Wilson's 95 % interval; the share is None when n is 0."""

    k: int
    n: int

    @property
    def share(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.k, self.n)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A sum over the rows whose value is known: `known` of `of`. None when no value is known."""

    value: int | None
    known: int
    of: int

    @property
    def missing(self) -> int:
        return self.of - self.known


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Decode speed of a group, tokens per second: a ratio of sums, never a mean of ratios."""

    tokens: int
    us: int
    n: int

    @property
    def per_second(self) -> float | None:
        return self.tokens / (self.us / 1e6) if self.us else None


def known(values: Ints) -> Ints:
    """The values that are not NULL."""
    kept: Ints = values[values != NONE]
    return kept


def percentile(values: Ints, q: float) -> Percentile:
    """Linear interpolation between order statistics (numpy's default) over the known values."""
    given = known(values)
    if not len(given):
        return Percentile(q=q, value=None, n=0, maximum=None)
    return Percentile(
        q=q, value=float(np.quantile(given, q)), n=len(given), maximum=int(given.max())
    )


def known_sum(values: Ints, due: Mask | None = None) -> Known:
    """The sum of the known values. `due` marks the rows that owe one (default: all)."""
    given = known(values)
    of = len(values) if due is None else int((due | (values != NONE)).sum())
    return Known(value=int(given.sum()) if len(given) else None, known=len(given), of=of)


def decode_speed(output_tokens: Ints, first_token_us: Ints, last_token_us: Ints) -> Speed:
    """Σ(N - 1) / Σ(t_N - t_1) over calls with at least two tokens and both times known."""
    usable = (output_tokens >= 2) & (first_token_us != NONE) & (last_token_us > first_token_us)
    return Speed(
        tokens=int((output_tokens[usable] - 1).sum()),
        us=int((last_token_us[usable] - first_token_us[usable]).sum()),
        n=int(usable.sum()),
    )
