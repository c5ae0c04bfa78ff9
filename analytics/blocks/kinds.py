"""Which sums and histograms are kept for each hour and day, and which one answers a question.

A kind is a fact, a value (None: sums of its measures) and the dimensions it is split by. A question
is answered by the smallest kind that has all dimensions it groups and filters by; what no kind can
answer is computed from the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.measures import FACTS, Fact
from analytics.metrics import Ints

Dimensions = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    fact: Fact
    value: str | None
    dimensions: Dimensions
    names: tuple[str, ...] = ()
    """The measures it holds; empty for all of the fact."""

    @property
    def name(self) -> str:
        """As in the column `block.kind`."""
        return f"{self.fact}.{self.value or 'sums'}:{','.join(self.dimensions)}"


_COMMON: Dimensions = ("agent", "status", "entry_point", "version", "model", "provider")
_PEOPLE = ("n", "ok", "failed", "cost_pusd", "cost_complete", "input_tokens", "output_tokens")
_CALL: Dimensions = (
    *_COMMON,
    "call_status",
    "purpose",
    "error_type",
    "asked_model",
    "asked_provider",
)
_STEP: Dimensions = (*_COMMON, "operation", "tool", "mode", "step_status", "error_type")


def _of(fact: Fact, values: Sequence[str | None], *splits: Dimensions) -> list[Kind]:
    return [Kind(fact, value, split) for value in values for split in splits]


KINDS: tuple[Kind, ...] = (
    *_of("run", [None], ("agent", "status"), (*_COMMON, "route", "error_type")),
    Kind("run", None, ("user",), ("n",)),
    Kind("run", None, ("user", "agent", "status")),
    Kind("run", None, ("user", *_COMMON), _PEOPLE),
    *_of("run", ["first_token_us", "duration_us"], (), ("agent",), ("model",), _COMMON),
    *_of("run", ["first_token_us", "duration_us"], ("user", "agent")),
    *_of("run", ["failed_attempt_us", "stop_us"], _COMMON),
    *_of("call", [None], ("model", "provider", "call_status"), _CALL),
    *_of("call", [None], ("user", "model", "provider", "call_status")),
    *_of("call", ["first_token_us", "duration_us"], ("user", "model")),
    *_of(
        "call", ["first_token_us", "duration_us", "tpot_us"], (), ("model",), (*_COMMON, "purpose")
    ),
    *_of("step", [None], _STEP),
    *_of("step", ["duration_us", "score_ppm"], (*_COMMON, "operation", "tool", "mode")),
)


_REVISION = 1
"""To be raised when a measure of the same name is computed in another way."""


def fingerprint() -> str:
    """Changes with whatever blocks are made of: blocks of another one are made anew."""
    facts = {
        fact: (*spec.ints, "/", *spec.labels, "/", *measures(fact)) for fact, spec in FACTS.items()
    }
    kinds = [(kind.name, kind.names) for kind in KINDS]
    made_of = repr((_REVISION, facts, kinds, _ACCURACY, _SMALL))
    return hashlib.sha256(made_of.encode()).hexdigest()[:8]


def measures(fact: Fact) -> list[str]:
    """The names of a fact's measures."""
    nothing: Ints = np.empty(0, dtype=np.int64)
    spec = FACTS[fact]
    return list(spec.make(dict.fromkeys(spec.ints, nothing), lambda *_: nothing.astype(np.bool_)))


def choose(
    fact: Fact, value: str | None, dimensions: Iterable[str], names: Iterable[str] = ()
) -> Kind | None:
    """The smallest kind that can answer; None when only the rows can."""
    wanted, measures = set(dimensions), set(names)
    fitting = [
        kind
        for kind in KINDS
        if kind.fact == fact
        and kind.value == value
        and wanted <= set(kind.dimensions)
        and (not kind.names or measures <= set(kind.names))
    ]
    # There are many people and few of everything else.
    sizes = [("user" in kind.dimensions, len(kind.dimensions)) for kind in fitting]
    return fitting[sizes.index(min(sizes))] if fitting else None


_ACCURACY = 0.009
_SMALL = 512
"""Below it, rounding to a whole number could exceed the accuracy."""
_LOG_GAMMA = np.log((1 + _ACCURACY) / (1 - _ACCURACY))


def bins(values: Ints) -> Ints:
    """The bin of each value >= 0: small ones have their own, others share one within 1 %."""
    safe = np.maximum(values, _SMALL)
    logarithmic = _SMALL + np.floor(np.log(safe / _SMALL) / _LOG_GAMMA).astype(np.int64)
    return np.where(values < _SMALL, values, logarithmic)


def middles(found: Ints) -> Ints:
    """The value each bin stands for: the point with the same relative distance to both ends."""
    low = _SMALL * np.exp(np.maximum(found - _SMALL, 0) * _LOG_GAMMA)
    middle = np.rint(low * 2 * np.exp(_LOG_GAMMA) / (np.exp(_LOG_GAMMA) + 1)).astype(np.int64)
    return np.where(found < _SMALL, found, middle)
