"""The model behind bench/bulk_traffic.py: many runs at once, drawn as arrays.

Real where SWITCHBOARD_TEST_DATA is set: (context, generated) token pairs of the Azure 2023
conversation trace (the data agent: of the code trace), and ServeGen's hourly request rates of 313
clients over two weeks; a client is a user, the weeks are repeated, all rates scaled to the size.
Without it: log-normal tokens (medians 900 and 180; data agent 1,500 and 20) and 600 users with
weight 1/rank, who ask four times as much from 8 to 19 h UTC and a third as much at weekends.

Always a model, never a measurement, and made up: which agent, model, version and entry point a run
has; times (log-normal; first token grows with the context, the rest with the tokens); troubles (4.5 %
of answers fall back, 2 % are retried, 0.8 % of runs fail, 2.5 % are stopped, 0.4 % ask a person, 2 %
of streams stall); what is cached; usage that is estimated (3 %) or missing (0.2 %).
Prices are the catalogue's. Steps are retrievals and tool calls only: no others are asked for over time.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.catalog import Price, load_catalog

HOUR_US = 3_600_000_000
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Speaker:
    """A model and how it behaves. Weights are by version of the app."""

    id: str
    provider: str
    weights: tuple[float, float, float]
    first_ms: float
    tokens_per_s: float
    cached: float = 0.0
    written: float = 0.0
    reasoning: float = 0.0


_AWS = "bedrock_converse:us."
SPEAKERS = (
    Speaker("openai:gpt-4o-mini", "openai", (0.44, 0.30, 0.16), 480, 85, cached=0.33),
    Speaker("openai:gpt-5-mini", "openai", (0.0, 0.14, 0.26), 900, 110, cached=0.4, reasoning=0.3),
    Speaker("openai:gpt-4.1", "openai", (0.10, 0.08, 0.05), 620, 75, cached=0.33),
    Speaker("openai:gpt-5.1", "openai", (0.04, 0.06, 0.09), 1400, 70, cached=0.4, reasoning=0.5),
    Speaker(f"{_AWS}amazon.nova-lite-v1:0", "aws.bedrock", (0.13, 0.12, 0.10), 330, 140),
    Speaker(f"{_AWS}amazon.nova-pro-v1:0", "aws.bedrock", (0.06, 0.06, 0.06), 420, 90),
    Speaker(
        f"{_AWS}anthropic.claude-haiku-4-5-20251001-v1:0",
        "aws.bedrock",
        (0.09, 0.11, 0.13),
        620,
        95,
        cached=0.45,
        written=0.1,
    ),
    Speaker(
        f"{_AWS}anthropic.claude-sonnet-4-5-20250929-v1:0",
        "aws.bedrock",
        (0.05, 0.05, 0.08),
        1100,
        60,
        cached=0.45,
        written=0.1,
    ),
    Speaker("local:extractive", "local", (0.06, 0.06, 0.05), 25, 900),
    Speaker("ollama:llama3.2", "ollama", (0.03, 0.02, 0.02), 900, 28),
)
ROUTER = 4
"""The place of the model that routes."""
AGENTS = ("technical", "general", "billing", "policy", "data")
_AGENT_WEIGHTS = (0.34, 0.28, 0.20, 0.11, 0.07)
_RETRIEVES = np.array((1.0, 0.35, 1.0, 1.0, 0.0))
DATA = 4
MODES = ("rag", "hybrid", "cag")
_MODE = np.array((0, 0, 1, 2, 0))
_RETRIEVAL_US = np.array((12_000, 19_000, 4_000))
ENTRY_POINTS = ("chat", "api", "compare")
VERSIONS = ("0.1.0", "0.2.0", "0.3.0")
_VERSION_EDGES = (0.4, 0.75)
STATUSES = ("ok", "cancelled", "error", "timeout", "interrupted")
_STATUS_WEIGHTS = (0.963, 0.025, 0.006, 0.002, 0.004)
OK, CANCELLED, ERROR, TIMEOUT, INTERRUPTED = range(5)
FALLBACK, RETRY = 1, 2
TIMEOUT_US = 30_000_000
REGION = "us-east-1"


@dataclass(frozen=True)
class Source:
    """`rates[user, hour]`, repeated as often as needed; `pairs`: (context, generated) tokens."""

    rates: npt.NDArray[np.float64]
    chat_pairs: Ints
    code_pairs: Ints
    real: bool


def load_source(seed: int) -> Source:
    """The traces, or their stand-in."""
    folder = Path(os.environ.get("SWITCHBOARD_TEST_DATA") or "/nowhere") / "llm-traces"
    if not folder.is_dir():
        return _synthetic(np.random.default_rng([seed, 1]))
    with gzip.open(folder / "servegen_language_rates_hourly.csv.gz", "rt") as lines:
        clients = [row[2:] for row in csv.reader(lines)][1:]
    return Source(
        rates=np.array(clients, dtype=np.float64),
        chat_pairs=_pairs(folder / "AzureLLMInferenceTrace_conv.csv.gz"),
        code_pairs=_pairs(folder / "AzureLLMInferenceTrace_code.csv.gz"),
        real=True,
    )


def _pairs(path: Path) -> Ints:
    with gzip.open(path, "rt") as lines:
        rows = [(int(r["ContextTokens"]), int(r["GeneratedTokens"])) for r in csv.DictReader(lines)]
    return np.maximum(np.array(rows, dtype=np.int64), 1)


def _synthetic(rng: np.random.Generator) -> Source:
    hour = np.arange(7 * 24)
    shape = np.where((hour % 24 >= 8) & (hour % 24 < 19), 4.0, 1.0) * np.where(
        hour >= 5 * 24, 0.3, 1.0
    )
    chat = np.stack([spread(rng, 900, 20_000, 0.8), spread(rng, 180, 20_000, 0.8)], axis=1)
    code = np.stack([spread(rng, 1500, 9_000, 0.8), spread(rng, 20, 9_000, 0.8)], axis=1)
    return Source(np.outer(1 / np.arange(1, 601), shape), chat, code, real=False)


def spread(rng: np.random.Generator, median: Any, n: int, sigma: float = 0.45) -> Ints:
    """Log-normal whole numbers around a median, at least 1."""
    return np.maximum(1, (rng.lognormal(0, sigma, n) * median).astype(np.int64))


def arrivals(
    source: Source, rng: np.random.Generator, runs: int, since_us: int, hours: int, at_once: int
) -> Iterator[tuple[Ints, Ints]]:
    """(moments, users) of all runs in order of time, about `at_once` at a time."""
    rates = source.rates[:, np.arange(hours) % source.rates.shape[1]]
    by_hour = rates.sum(axis=0)
    counts = rng.multinomial(runs, by_hour / by_hour.sum())
    below = np.cumsum(rates, axis=0)
    moments: list[Ints] = []
    users: list[Ints] = []
    for hour in np.flatnonzero(counts):
        n = int(counts[hour])
        moments.append(since_us + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US, n)))
        drawn = rng.random(n) * below[-1, hour]
        users.append(np.searchsorted(below[:, hour], drawn, side="right"))
        if sum(map(len, moments)) >= at_once:
            yield np.concatenate(moments), np.concatenate(users)
            moments, users = [], []
    if moments:
        yield np.concatenate(moments), np.concatenate(users)


class Runs:
    """What happened in each run; all arrays have one entry per run. Times in microseconds."""

    def __init__(
        self, source: Source, rng: np.random.Generator, at: Ints, user: Ints, age: Any
    ) -> None:
        """`age`: of each run, 0 at the beginning of the range and 1 at its end."""
        n = len(at)
        self.n, self.at, self.user = n, at, user
        self.version = np.searchsorted(_VERSION_EDGES, age)
        self.agent = _draw(rng, _AGENT_WEIGHTS, n)
        self.entry = _draw(rng, (0.84, 0.11, 0.05), n)
        self.status = _draw(rng, _STATUS_WEIGHTS, n)
        self.asked = self._model(rng)
        self.answers = (self.status == OK) | (self.status == CANCELLED)
        self.hop = np.where(self.answers, _draw(rng, (0.935, 0.045, 0.02), n), 0)
        other = self._model(rng)
        other = np.where(other == self.asked, (other + 1) % len(SPEAKERS), other)
        self.model = np.where(self.hop == FALLBACK, other, self.asked)
        self.fails = (self.hop > 0) | (self.status == ERROR) | (self.status == TIMEOUT)
        self._tokens(source, rng)
        self._times(rng)

    def _model(self, rng: np.random.Generator) -> Ints:
        below = np.cumsum([s.weights for s in SPEAKERS], axis=0).T
        drawn = rng.random(self.n)[:, None] * below[self.version, -1:]
        return (drawn >= below[self.version]).sum(axis=1)

    def _tokens(self, source: Source, rng: np.random.Generator) -> None:
        chat = source.chat_pairs[rng.integers(0, len(source.chat_pairs), self.n)]
        code = source.code_pairs[rng.integers(0, len(source.code_pairs), self.n)]
        pair = np.where((self.agent == DATA)[:, None], code, chat)
        self.context = pair[:, 0]
        stopped = self.status == CANCELLED
        self.made = np.where(stopped, np.maximum(1, pair[:, 1] // 3), pair[:, 1])
        self.routed = rng.random(self.n) < 0.55  # by a model, not locally
        self.route_context = spread(rng, 350, self.n)
        self.route_made = spread(rng, 9, self.n)

    def _times(self, rng: np.random.Generator) -> None:
        n = self.n
        self.queue = spread(rng, 400, n)
        self.route_first = spread(rng, SPEAKERS[ROUTER].first_ms * 1000, n)
        decode = (self.route_made - 1) / SPEAKERS[ROUTER].tokens_per_s * 1e6
        self.route_last = self.route_first + decode.astype(np.int64)
        self.route = np.where(self.routed, self.route_last + 500, 0) + spread(rng, 3_000, n)
        self.retrieves = rng.random(n) < _RETRIEVES[self.agent]
        self.mode = _MODE[self.agent]
        self.retrieval = np.where(self.retrieves, spread(rng, _RETRIEVAL_US[self.mode], n), 0)
        self.uses_tool = self.agent == DATA
        self.tool_fails = self.uses_tool & (rng.random(n) < 0.02)
        self.tool = np.where(self.uses_tool, spread(rng, 25_000, n), 0)
        failed = np.where(self.status == TIMEOUT, TIMEOUT_US, spread(rng, 250_000, n, 0.6))
        self.failed = np.where(self.fails, failed, 0)
        first_us = np.array([s.first_ms * 1000 for s in SPEAKERS])[self.model]
        self.first = spread(rng, first_us * (0.7 + self.context / 3_000), n)
        speed = np.array([s.tokens_per_s for s in SPEAKERS])[self.model]
        decode = ((self.made - 1) / speed * rng.lognormal(0, 0.2, n) * 1e6).astype(np.int64)
        self.stalls = np.where((rng.random(n) < 0.02) & (self.made > 4), rng.integers(1, 4, n), 0)
        self.stalled = self.stalls * spread(rng, 1_500_000, n)
        self.last = self.first + decode + self.stalled
        self.answer = np.where(self.answers, self.last + 500, 0)
        self.tail = spread(rng, 2_000, n)
        # Offsets: queue, route, retrieval or tool, the failed attempt, the answer, the tail.
        self.work_from = self.queue + self.route
        self.failed_from = self.work_from + self.retrieval + self.tool
        self.answer_from = self.failed_from + self.failed
        self.duration = self.answer_from + self.answer + self.tail


def _draw(rng: np.random.Generator, weights: tuple[float, ...], n: int) -> Ints:
    below = np.cumsum(weights)
    return np.searchsorted(below, rng.random(n) * below[-1], side="right")


@dataclass(frozen=True)
class Prices:
    """Pico-USD per token by speaker; `known` False: not priced."""

    rows: tuple[Price | None, ...]
    input: Ints
    read: Ints
    written: Ints
    output: Ints
    reasoning: Ints
    known: Mask
    names: tuple[str, ...]


def load_prices() -> Prices:
    """The catalogue's prices on its own date, as bench/make_traffic.py takes them."""
    catalog = load_catalog()
    at = datetime.combine(catalog.date, datetime.min.time(), UTC)
    rows, names = [], []
    for speaker in SPEAKERS:
        model, region = catalog.resolve(speaker.id, REGION)
        rows.append(catalog.price(model, region, "standard", 1_000, at) if model else None)
        names.append(catalog.display_name(speaker.id))

    def column(part: str, otherwise: str) -> Ints:
        found = [getattr(row, part) if row else 0 for row in rows]
        instead = [getattr(row, otherwise) if row else 0 for row in rows]
        return np.array([b if a is None else a for a, b in zip(found, instead, strict=True)])

    return Prices(
        rows=tuple(rows),
        input=column("input_pusd", "input_pusd"),
        read=column("cache_read_pusd", "input_pusd"),
        written=column("cache_write_5m_pusd", "input_pusd"),
        output=column("output_pusd", "output_pusd"),
        reasoning=column("reasoning_pusd", "output_pusd"),
        known=np.array([row is not None for row in rows]),
        names=tuple(names),
    )
