"""What may be said of b's cost and latency against a's, each with its reason.

A claim is made only when the interval of the paired difference leaves out "the same". Two separate
intervals that do not overlap are no claim, and two that do are none of sameness. Of fewer than
FEWEST answers nothing is claimed, whatever their interval says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.ranking.paired import Costs, Ratio
from analytics.ranking.percentiles import PercentileDifference
from analytics.ranking.wording import (
    answers,
    between,
    cost_phrase,
    duration,
    percent_at_most,
    speed_phrase,
)
from core.pricing import format_usd

About = Literal["cost", "latency", "p95"]
Direction = Literal["for", "against", "same", "unclear"]
SAME_WITHIN = 0.1
"""An interval this near to 1 is called equal; a wider one leaves it open."""
FEWEST = 5
"""Questions that both answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One thing about b: for it, against it, no difference worth a word, or not known."""

    about: About
    direction: Direction
    phrase: str
    """After "B is"; when unclear a sentence that says why nothing is claimed."""
    n: int


def cost_claims(costs: Costs | None, a: str) -> list[Claim]:
    """One, in picodollars; `a` is the other's name."""
    if costs is None:
        return [_unclear("cost", "The cost is unknown.", 0)]
    if costs.n < FEWEST:
        return [_unclear("cost", "The cost is known of too few answers.", costs.n)]
    if costs.free is not None:
        return [_free(costs, a)]
    if costs.zeros:
        return [_partly_free(costs)]
    if costs.ratio is None:
        return [_unclear("cost", "The cost is known of too few answers.", costs.n)]
    return [_ratio_claim("cost", costs.ratio)]


def latency_claims(latency: Ratio | None, p95: PercentileDifference | None) -> list[Claim]:
    """One of all answers and, when it says something, one of the p95, in microseconds."""
    if latency is None or latency.n < FEWEST:
        n = latency.n if latency else 0
        return [_unclear("latency", "The latency is known of too few answers.", n)]
    found = [_ratio_claim("latency", latency)]
    if p95 is not None and not p95.sound:
        phrase = f"The p95 latency is open: {p95.n} {answers(p95.n)} are too few for it."
        found.append(_unclear("p95", phrase, p95.n))
    elif p95 is not None and p95.certain:
        word, direction = _sided(p95.value, "faster", "slower")
        phrase = f"{duration(p95.value)} {word} at p95"
        found.append(Claim(about="p95", direction=direction, phrase=phrase, n=p95.n))
    return found


def _ratio_claim(about: Literal["cost", "latency"], ratio: Ratio) -> Claim:
    if ratio.certain:
        phrase = cost_phrase(ratio.value) if about == "cost" else speed_phrase(ratio.value)
        _, direction = _sided(ratio.value - 1, "", "")
        return Claim(about=about, direction=direction, phrase=phrase, n=ratio.n)
    reach = max(ratio.high - 1, 1 - ratio.low)
    if reach <= SAME_WITHIN:
        equally = "equally expensive" if about == "cost" else "equally fast"
        within = f" within {percent_at_most(reach)}" if reach > 1e-9 else ""
        return Claim(about=about, direction="same", phrase=equally + within, n=ratio.n)
    if not ratio.low <= 1 <= ratio.high:
        return _unclear(about, f"The {about} may differ by chance among so many pairs.", ratio.n)
    span = between(ratio.low, ratio.high)
    return _unclear(about, f"The {about} cannot be told apart: {span}.", ratio.n)


def _free(costs: Costs, a: str) -> Claim:
    if costs.free == "both":
        return Claim(about="cost", direction="same", phrase=f"free like {a}", n=costs.n)
    if costs.free == "b":
        phrase = f"free where {a} costs {format_usd(round(costs.mean_a))} an answer"
        return Claim(about="cost", direction="for", phrase=phrase, n=costs.n)
    phrase = f"not free like {a} but {format_usd(round(costs.mean_b))} an answer"
    return Claim(about="cost", direction="against", phrase=phrase, n=costs.n)


def _partly_free(costs: Costs) -> Claim:
    """Some answers cost nothing: they have no ratio, and one of the others alone would mislead."""
    difference = costs.difference
    if difference is None or not difference.certain:
        free = f"{costs.zeros} of {costs.n} {answers(costs.n)} cost nothing for one of the two"
        return _unclear("cost", f"The cost cannot be told apart: {free}.", costs.n)
    word, direction = _sided(difference.value, "cheaper", "more expensive")
    phrase = f"{format_usd(round(abs(difference.value)))} an answer {word}"
    return Claim(about="cost", direction=direction, phrase=phrase, n=difference.n)


def _sided(value: float, less: str, more: str) -> tuple[str, Direction]:
    """Less of a cost or a time speaks for it."""
    return (less, "for") if value < 0 else (more, "against")


def _unclear(about: About, phrase: str, n: int) -> Claim:
    return Claim(about=about, direction="unclear", phrase=phrase, n=n)
