"""Everything known of some contestants put together: where each stands, and a verdict for each pair.

Quality comes from votes or from checks, cost and time from answers to the same questions. What is
claimed is decided in `verdict`. Families are all pairs, one each for quality, cost, latency and its
p95: differences by Holm's method, "not worse" by Bonferroni's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from analytics.intervals import minimum_n, wilson
from analytics.ranking.battles import Battles
from analytics.ranking.clustered import clustered_rate
from analytics.ranking.families import adjusted
from analytics.ranking.frontier import Contestant, Place, frontier
from analytics.ranking.leaderboard import Leaderboard
from analytics.ranking.noninferiority import from_battles, from_passes
from analytics.ranking.paired import Costs, Ratio, compare_costs, paired_ratio
from analytics.ranking.percentiles import PercentileDifference, percentile_difference
from analytics.ranking.quality import DELTA, Basis, Quality
from analytics.ranking.verdict import Measured, Verdict, verdict
from core.comparison import Answered

P95 = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One contestant. Costs in pico-USD per answer, times in microseconds; None is unknown."""

    key: str
    quality: float | None
    """Votes: the chance to win against an average contestant. Passes: the share that passed."""
    quality_low: float | None
    quality_high: float | None
    quality_n: int
    mean_cost_pusd: float | None
    cost_n: int
    """Completed answers whose cost is known."""
    p50_us: float | None
    p95_us: float | None
    p95_sound: bool
    """Whether there are enough answers for a p95."""
    ttft_p50_us: float | None
    completed: int
    answers: int
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PairDecision:
    """b against a; b is the cheaper one where the cost of both is known."""

    a: str
    b: str
    measured: Measured
    verdict: Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    basis: Basis
    delta: float
    standings: tuple[Standing, ...]
    pairs: tuple[PairDecision, ...]


def decide_by_votes(
    answers: Iterable[Answered],
    battles: Battles,
    board: Leaderboard,
    *,
    names: dict[str, str],
    delta: float = DELTA,
) -> Decision:
    """Of the contestants of a leaderboard, in its order. `names`: what sentences call them."""
    keys = [row.key for row in board.rows]
    of_each = _by_contestant(answers, keys)
    quality = {}
    for row in board.rows:
        share = row.win_probability
        known = (share.value, share.low, share.high) if share else (None, None, None)
        quality[row.key] = (*known, row.votes)
    pairs = _pairs(of_each)
    family = max(1, sum(_compared(battles, *pair) for pair in pairs))
    found = {pair: from_battles(battles, *pair, family=family) for pair in pairs}
    return _decision("votes", of_each, quality, found, names, delta)


def decide_by_passes(
    answers: Iterable[Answered],
    *,
    keys: Sequence[str],
    names: dict[str, str],
    delta: float = DELTA,
) -> Decision:
    """Of contestants whose answers were checked, in the given order."""
    of_each = _by_contestant(answers, keys)
    quality = {key: _pass_rate(of_each[key].values()) for key in keys}
    found, pairs = {}, _pairs(of_each)
    for a, b in pairs:
        x, y, clusters = _aligned(of_each[a], of_each[b])
        found[a, b] = from_passes(
            [one.passed for one in x], [one.passed for one in y], clusters, family=len(pairs)
        )
    return _decision("passes", of_each, quality, found, names, delta)


def _compared(battles: Battles, a: str, b: str) -> bool:
    """Whether anybody voted on the two directly."""
    there = a in battles.names and b in battles.names
    return there and bool(battles.between(a, b).any())


Answers = dict[str, Answered]
Known = tuple[float | None, float | None, float | None, int]


def _by_contestant(answers: Iterable[Answered], keys: Sequence[str]) -> dict[str, Answers]:
    """Contestant -> question -> the first answer to it."""
    found: dict[str, Answers] = {key: {} for key in keys}
    for one in answers:
        if one.contestant in found:
            found[one.contestant].setdefault(one.question, one)
    return found


def _pairs(of_each: dict[str, Answers]) -> list[tuple[str, str]]:
    """Every pair, the one that is cheaper on the same questions second."""
    return [_cheaper_second(of_each, a, b) for a, b in combinations(of_each, 2)]


def _cheaper_second(of_each: dict[str, Answers], a: str, b: str) -> tuple[str, str]:
    x, y, _ = _aligned(of_each[a], of_each[b])
    both = [
        (one.cost_pusd, other.cost_pusd)
        for one, other in zip(x, y, strict=True)
        if one.cost_pusd is not None and other.cost_pusd is not None
    ]
    return (b, a) if both and sum(p[0] for p in both) < sum(p[1] for p in both) else (a, b)


def _aligned(a: Answers, b: Answers) -> tuple[list[Answered], list[Answered], list[str] | None]:
    """The answers to the questions both were asked, and what they are clustered by."""
    shared = [question for question in a if question in b]
    clusters = [a[question].cluster or question for question in shared]
    alike = len(set(clusters)) == len(clusters)
    return [a[q] for q in shared], [b[q] for q in shared], None if alike else clusters


def _decision(
    basis: Basis,
    of_each: dict[str, Answers],
    quality: dict[str, Known],
    pair_quality: dict[tuple[str, str], Quality | None],
    names: dict[str, str],
    delta: float,
) -> Decision:
    pairs = list(pair_quality)
    measured = _in_families(
        basis, [_measured(of_each, pair, pair_quality[pair], basis) for pair in pairs]
    )
    return Decision(
        basis=basis,
        delta=delta,
        standings=_standings(of_each, quality),
        pairs=tuple(
            PairDecision(
                a=a, b=b, measured=one, verdict=verdict(names[a], names[b], one, delta=delta)
            )
            for (a, b), one in zip(pairs, measured, strict=True)
        ),
    )


def _measured(
    of_each: dict[str, Answers], pair: tuple[str, str], quality: Quality | None, basis: Basis
) -> Measured:
    x, y, clusters = _aligned(*(of_each[key] for key in pair))
    costs_a, costs_b = ([_cost(one) for one in side] for side in (x, y))
    times_a, times_b = ([_time(one) for one in side] for side in (x, y))
    return Measured(
        quality=quality,
        basis=basis,
        costs=compare_costs(costs_a, costs_b, clusters),
        latency=paired_ratio(times_a, times_b, clusters),
        p95=percentile_difference(times_a, times_b, P95, clusters),
    )


def _in_families(basis: Basis, measured: Sequence[Measured]) -> list[Measured]:
    quality: list[Quality | None] = adjusted([one.quality for one in measured])
    ratios: list[Ratio | None] = adjusted(
        [one.costs.ratio if one.costs else None for one in measured]
    )
    latency: list[Ratio | None] = adjusted([one.latency for one in measured])
    p95: list[PercentileDifference | None] = adjusted([one.p95 for one in measured])
    return [
        Measured(
            quality=quality[k],
            basis=basis,
            costs=_with_ratio(one.costs, ratios[k]),
            latency=latency[k],
            p95=p95[k],
        )
        for k, one in enumerate(measured)
    ]


def _with_ratio(costs: Costs | None, ratio: Ratio | None) -> Costs | None:
    return None if costs is None else replace(costs, ratio=ratio)


def _standings(of_each: dict[str, Answers], quality: dict[str, Known]) -> tuple[Standing, ...]:
    figures = {key: _figures(found.values()) for key, found in of_each.items()}
    places = frontier(
        [
            Contestant(name=key, quality=quality[key][0], cost=one.cost, p95=one.p95)
            for key, one in figures.items()
        ]
    )
    return tuple(
        Standing(
            key=key,
            quality=quality[key][0],
            quality_low=quality[key][1],
            quality_high=quality[key][2],
            quality_n=quality[key][3],
            mean_cost_pusd=one.cost,
            cost_n=one.cost_n,
            p50_us=one.p50,
            p95_us=one.p95,
            p95_sound=one.timed >= minimum_n(P95),
            ttft_p50_us=one.ttft,
            completed=one.completed,
            answers=one.answers,
            place=place,
        )
        for (key, one), place in zip(figures.items(), places, strict=True)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Figures:
    cost: float | None
    cost_n: int
    p50: float | None
    p95: float | None
    ttft: float | None
    timed: int
    completed: int
    answers: int


def _figures(answers: Iterable[Answered]) -> _Figures:
    everything = list(answers)
    done = [one for one in everything if one.completed]
    costs = [one.cost_pusd for one in done if one.cost_pusd is not None]
    times = [one.duration_us for one in done if one.duration_us is not None]
    first = [one.ttft_us for one in done if one.ttft_us is not None]
    return _Figures(
        cost=sum(costs) / len(costs) if costs else None,
        cost_n=len(costs),
        p50=_quantile(times, 0.5),
        p95=_quantile(times, P95),
        ttft=_quantile(first, 0.5),
        timed=len(times),
        completed=len(done),
        answers=len(everything),
    )


def _quantile(values: Sequence[int], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None


def _pass_rate(answers: Iterable[Answered]) -> Known:
    """Wilson's interval; where questions are repeated or share a document, that of a clustered rate."""
    known = [(one.passed, one.cluster or one.question) for one in answers if one.passed is not None]
    passed, clusters = [p for p, _ in known], [c for _, c in known]
    interval = wilson(sum(passed), len(passed))
    if interval is None:
        return None, None, None, 0
    if len(set(clusters)) < len(clusters):
        interval = clustered_rate(passed, clusters) or interval
    return sum(passed) / len(passed), *interval, len(passed)


def _cost(one: Answered) -> float | None:
    return one.cost_pusd if one.completed else None


def _time(one: Answered) -> float | None:
    return one.duration_us if one.completed else None
