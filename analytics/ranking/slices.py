"""Is it different for billing questions, or in German? Ratings within parts of the votes.

Exploratory: many parts are looked at, so what stands out here is a question for new votes and not an
answer. Which parts stand out is decided for all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.ranking.battles import Battles
from analytics.ranking.bradley_terry import Estimate, Fit, estimate, fit

MIN_VOTES = 20
"""Fewer in a part say nothing about it."""
DISCOVERY_RATE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceFit:
    """Ratings within one part of the votes."""

    name: str
    value: str
    fit: Fit


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceDifference:
    """How one contestant does in a part, against its rating in all votes. Exploratory."""

    name: str
    value: str
    contestant: str
    votes: int
    """In the part."""
    difference: Estimate
    """In logits; above 0: it does better here."""
    discovery_p: float
    """Adjusted over all parts and contestants."""

    @property
    def stands_out(self) -> bool:
        """Of all that do, a tenth at most are chance, on average."""
        return self.discovery_p <= DISCOVERY_RATE


def slice_fits(
    battles: Battles, name: str, whole: Fit, min_votes: int = MIN_VOTES
) -> list[SliceFit]:
    """A fit for each value with enough votes, in order of their number.

    The ridge pulls towards the ratings of all votes instead of towards equality, so that few votes
    do not look like a difference.
    """
    values = np.array([value if value is not None else "" for value in battles.slices[name]])
    found, counts = np.unique(values, return_counts=True)
    order = sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda x: (-x[1], x[0]))
    return [
        SliceFit(
            name=name, value=value, fit=fit(battles.select(values == value), towards=whole.theta)
        )
        for value, votes in order
        if value and votes >= min_votes
    ]


def slice_differences(
    battles: Battles, slices: Sequence[SliceFit], whole: Fit
) -> list[SliceDifference]:
    """Every contestant of every part, the surest first.

    A part is in the whole. Of a share s of the votes the shift has the variance (1 - s) V, V being
    that of the part's rating, when the part is like the rest. The adjustment is for all of
    `slices`: give those of all names.
    """
    found = []
    for part in slices:
        values = np.array(battles.slices[part.name]) == part.value
        present = battles.select(values).present().sum(axis=0)
        of_rest = 1 - values.mean()
        for k, contestant in enumerate(part.fit.names):
            rating = part.fit.rating(contestant)
            if rating is None:
                continue
            shift = float(part.fit.theta[k] - whole.theta[k])
            found.append(
                SliceDifference(
                    name=part.name,
                    value=part.value,
                    contestant=contestant,
                    votes=int(present[k]),
                    difference=estimate(
                        shift, rating.se**2 * of_rest, part.fit.df, whole.confidence
                    ),
                    discovery_p=1.0,
                )
            )
    adjusted = benjamini_hochberg([one.difference.p_value for one in found])
    found = [replace(one, discovery_p=p) for one, p in zip(found, adjusted, strict=True)]
    return sorted(found, key=lambda one: one.difference.p_value)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the given order: those up to q are discoveries, a share q of them false.

    The smallest over l >= k of m/l times the l-th smallest. Source: Y. Benjamini and Y. Hochberg,
    "Controlling the false discovery rate", 1995.
    """
    count = len(p_values)
    order = sorted(range(count), key=p_values.__getitem__, reverse=True)
    adjusted, least = [1.0] * count, 1.0
    for place, k in enumerate(order):
        least = min(least, p_values[k] * count / (count - place))
        adjusted[k] = least
    return adjusted
