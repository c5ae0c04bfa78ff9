"""A comparison as everybody reads it: arms in the order in which they are shown, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from core.comparison import Configuration

LETTERS = "ABCDEF"
FEWEST, MOST = 2, len(LETTERS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What an ended answer cost and looks like. Times in microseconds; None is unknown."""

    status: str
    model: str | None = None
    agent: str | None = None
    ttft_us: int | None = None
    duration_us: int | None = None
    tokens_per_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_pusd: int | None = None
    """None also when only a part of it is known."""
    fallbacks: int = 0
    words: int = 0
    headings: int = 0
    list_items: int = 0
    bold: int = 0
    citations: int = 0
    leak: str | None = None
    """The name in the answer that gives away who wrote it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Facts:
        """From its stored form; fields of other versions are ignored."""
        return cls(**{k: v for k, v in data.items() if k in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One column."""

    position: int
    configuration: Configuration
    thread_id: str

    @property
    def letter(self) -> str:
        return LETTERS[self.position]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Of one arm in one turn."""

    position: int
    run_id: str | None
    """None: the run could not be started."""
    tries: int
    facts: Facts | None
    """None until the run has ended and was looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    number: int
    question_hash: str
    language: str | None
    at_us: int
    answers: tuple[Answer, ...]
    """One for each arm, in the order of the arms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """What this comparison's viewer said of a turn."""

    id: str
    turn: int
    outcome: str
    order: tuple[tuple[int, ...], ...]
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    at_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    id: str
    owner: str
    blind: bool
    """Who answers is hidden until the vote."""
    together: bool
    """Answers are shown when all have ended, so that speed sways nobody."""
    layout_seed: int
    created_at_us: int
    arms: tuple[Arm, ...]
    turns: tuple[Turn, ...]
    votes: tuple[Vote, ...]

    def question_of(self, turn: int) -> str:
        """What votes on the same answers share."""
        return f"{self.id}/{turn}" if turn else self.id

    def vote_of(self, turn: int) -> Vote | None:
        return next((vote for vote in self.votes if vote.turn == turn), None)

    @property
    def hidden(self) -> bool:
        """Whether who answers must not be shown: blind, and no turn was voted on yet."""
        return self.blind and not self.votes


def shuffled(configurations: Sequence[Configuration], seed: int) -> list[Configuration]:
    """The order in which columns are shown, the same for the same seed.

    By `random()`, whose sequence Python keeps from version to version, which it does not promise of
    `shuffle`.
    """
    draw = Random(seed)
    keys = [draw.random() for _ in configurations]
    return [configurations[k] for k in sorted(range(len(keys)), key=keys.__getitem__)]
