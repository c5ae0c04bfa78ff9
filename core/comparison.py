"""What is compared and how it was judged: words of the pages, the runner, the store and the statistics.

Plain values without storage. A configuration is one way to answer (a model in an agent with its
options); a ballot is what one voter said about the answers of one question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from core.errors import InvalidInput

Retrieval = Literal["rag", "hybrid", "cag", "none"]
RETRIEVALS: tuple[Retrieval, ...] = get_args(Retrieval)
MAX_TEMPERATURE = 2.0

Outcome = Literal["pick", "rank", "tie", "both_bad", "skip"]
"""`pick`: one is better than each other, which are not compared with one another. `rank`: all are
in order. `both_bad`: none is good; counts as a tie and is reported by itself."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """One way to answer a question. Equal configurations are one contestant."""

    model: str | None = None
    """A model id; None is the configured chain."""
    graph: str = "supervisor"
    agent: str | None = None
    """An agent of the graph that answers without routing."""
    retrieval: Retrieval | None = None
    """None: as the agent does it by itself."""
    prompt: str | None = None
    """Name of a prompt version; None: the prompts that ship."""
    temperature: float | None = None
    fallback: bool = False
    """True: another model of the chain may answer when this one fails."""

    @property
    def key(self) -> str:
        """16 hex digits, the same for equal configurations in every process."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what is as usual."""
        usual = Configuration()
        return {
            name: value
            for name, value in asdict(self).items()
            if value != getattr(usual, name) or name == "graph"
        }

    @classmethod
    def from_dict(cls, data: object) -> Configuration:
        """Raises InvalidInput, with the field, for anything that is not a configuration."""
        if not isinstance(data, Mapping):
            raise InvalidInput("A configuration is an object with a model, a graph or an agent.")
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(map(str, data)) - known):
            raise InvalidInput(
                f"A configuration has no '{unknown[0]}'.",
                what_to_do=f"It may have: {', '.join(sorted(known))}.",
            )
        for name in ("model", "agent", "prompt"):
            _check(name, data.get(name) is None or _is_name(data.get(name)), "a name")
        _check("graph", _is_name(data.get("graph", "supervisor")), "a name")
        _check("retrieval", data.get("retrieval") in (None, *RETRIEVALS), ", ".join(RETRIEVALS))
        _check("fallback", isinstance(data.get("fallback", False), bool), "true or false")
        temperature = data.get("temperature")
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        fits = temperature is None or (number and 0 <= temperature <= MAX_TEMPERATURE)
        _check("temperature", fits, f"a number from 0 to {MAX_TEMPERATURE:g}")
        values = {name: data[name] for name in known & set(data)}
        if temperature is not None:
            values["temperature"] = float(temperature)
        return cls(**values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What of an answer may sway a voter besides what it says. None is unknown."""

    tokens: float | None = None
    """Length; of imported battles in whatever unit they were measured, the same for all."""
    headings: int | None = None
    list_items: int | None = None
    bold: int | None = None
    ttft_us: int | None = None
    duration_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ballot:
    """One voter's judgement of the answers to one question.

    `order` groups positions in `contestants`, best first: `((1,), (0, 2))`. With `pick` only the
    first group is compared with the others; with `rank` each group with each later one, and those
    of one group are tied; with the other outcomes it is empty.
    """

    voter: str
    contestants: tuple[str, ...]
    """Keys, in the order in which they were shown."""
    outcome: Outcome
    order: tuple[tuple[int, ...], ...] = ()
    question: str = ""
    """What clusters ballots when there are too few voters: the same for one comparison."""
    at_us: int = 0
    traits: tuple[Traits, ...] = ()
    """One for each contestant, or none."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Such as {"category": "billing", "language": "en"}."""
    flags: tuple[str, ...] = ()
    """Why this ballot should not count: `identity_leak`, `arm_failed`, `unfinished`, `revealed`,
    `voter_limit`, `anomalous_voter`. Flagged ballots are kept and can be counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One answer as a measurement. Answers to the same `question` are paired.

    Times in microseconds, cost in pico-USD; None is unknown.
    """

    contestant: str
    question: str
    """The same for answers to the same question, asked at the same time."""
    cluster: str = ""
    """What questions share that are not independent of one another, such as their document."""
    completed: bool
    passed: bool | None = None
    """None: nothing was checked, or it could not be decided."""
    ttft_us: int | None = None
    duration_us: int | None = None
    cost_pusd: int | None = None
    output_tokens: int | None = None
    at_us: int = 0


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def _check(name: str, fits: bool, what: str) -> None:
    if not fits:
        raise InvalidInput(f"'{name}' of a configuration must be {what}.")
