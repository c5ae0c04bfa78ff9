"""Which contestants nobody beats in everything: better, cheaper and faster in the slow cases.

Of point values, without intervals: it orders a chart and is no claim that a difference is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Axis = Literal["quality", "cost", "p95"]
AXES: tuple[Axis, ...] = ("quality", "cost", "p95")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    """Where one lies. None is unknown; units are the caller's, the same for all."""

    name: str
    quality: float | None
    """More is better."""
    cost: float | None
    """Less is better, as for p95."""
    p95: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    name: str
    dominated_by: tuple[str, ...]
    """Those at least as good in everything and better in something; none: on the frontier."""
    unknown: tuple[Axis, ...]
    """What is not known of it but of another, so that it can neither dominate nor be dominated."""

    @property
    def on_frontier(self) -> bool:
        return not self.dominated_by


def frontier(contestants: Sequence[Contestant]) -> list[Place]:
    """In the given order. What is unknown of all is not compared."""
    axes = [axis for axis in AXES if any(_of(one, axis) is not None for one in contestants)]
    return [
        Place(
            name=one.name,
            dominated_by=tuple(other.name for other in contestants if _dominates(other, one, axes)),
            unknown=tuple(axis for axis in axes if _of(one, axis) is None),
        )
        for one in contestants
    ]


def _dominates(one: Contestant, other: Contestant, axes: Sequence[Axis]) -> bool:
    better = False
    for axis in axes:
        x, y = _of(one, axis), _of(other, axis)
        if x is None or y is None:
            return False
        lead = x - y if axis == "quality" else y - x
        if lead < 0:
            return False
        better = better or lead > 0
    return better


def _of(contestant: Contestant, axis: Axis) -> float | None:
    match axis:
        case "quality":
            return contestant.quality
        case "cost":
            return contestant.cost
        case "p95":
            return contestant.p95
