"""Which questions and configurations two evaluations share, and what became of them. Draws nothing.

A question is the same when its id and its text are: one that was reworded is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from agents.comparing.labels import labels_by_key
from pages.components.evaluation_marks import FAILED, NONE, PASSED, overall

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from pages.components.evaluation_reading import Loaded

Side = tuple[int, int]
"""Configuration numbers: of this evaluation, and of the other one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What two sets of questions have in common."""

    same: frozenset[str]
    """Ids of the questions that both have, word by word."""
    reworded: int
    """Ids that both have, with other words."""
    here: int
    """Questions whose id this one has alone."""
    there: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Flips:
    """Ids of the questions both were asked word by word, by what became of them. Of several times the worst counts."""

    better: Sequence[str]
    worse: Sequence[str]
    same: int
    unknown: int
    """Not decided, or not ended, in one of the two."""


def shared(mine: Sequence[Case], theirs: Sequence[Case]) -> Shared:
    now, before = ({case.id: case.question for case in cases} for cases in (mine, theirs))
    both = now.keys() & before.keys()
    same = frozenset(one for one in both if now[one] == before[one])
    return Shared(
        same=same,
        reworded=len(both) - len(same),
        here=len(now) - len(both),
        there=len(before) - len(both),
    )


def said_of(found: Shared) -> str:
    """Which questions are left out of what follows; nothing when there are none."""
    parts = []
    if found.here:
        parts.append(f"{found.here:,} only in this one")
    if found.there:
        parts.append(f"{found.there:,} only in the other one")
    if found.reworded:
        parts.append(f"{found.reworded:,} reworded")
    if not parts:
        return ""
    return f"Left out of what follows: {', '.join(parts)}. Questions are paired by id and text."


def named_alike(
    loaded: Loaded, other: Loaded, display_name: Callable[[str], str]
) -> tuple[Loaded, Loaded]:
    """Both with labels by which the same configuration has the same name."""
    every = (*loaded.evaluation.plan.configurations, *other.evaluation.plan.configurations)
    labels = labels_by_key({one.key: one for one in every}, display_name)
    mine, theirs = (
        replace(one, labels=tuple(labels[key] for key in one.keys)) for one in (loaded, other)
    )
    return mine, theirs


def flips(loaded: Loaded, other: Loaded, side: Side) -> Flips:
    """From the other evaluation to this one."""
    theirs = {(case.id, case.question): n for n, case in enumerate(other.results.cases)}
    better: list[str] = []
    worse: list[str] = []
    same = unknown = 0
    for number, case in enumerate(loaded.results.cases):
        at = theirs.get((case.id, case.question))
        if at is None:
            continue
        before = _passed(other, at, side[1])
        now = _passed(loaded, number, side[0])
        if before is None or now is None:
            unknown += 1
        elif before == now:
            same += 1
        else:
            (better if now else worse).append(case.id)
    return Flips(better=better, worse=worse, same=same, unknown=unknown)


def sides(loaded: Loaded, other: Loaded) -> list[Side]:
    """All pairs of configurations, equal ones first."""
    pairs = product(range(len(loaded.keys)), range(len(other.keys)))
    return sorted(pairs, key=lambda pair: (loaded.keys[pair[0]] != other.keys[pair[1]], pair))


def _passed(loaded: Loaded, number: int, configuration: int) -> bool | None:
    one = overall(loaded.of(number, configuration))
    return {PASSED: True, FAILED: False, NONE: False}.get(one)
