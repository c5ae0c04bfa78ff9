"""Several comparisons of one kind: Holm's adjustment inside a family, by which claims are made.

Families are declared beforehand and separate: quality, cost, latency. Ten pairs of equals would
otherwise give a "cheaper" or "better" by chance in two of five tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from analytics.ranking.paired import Difference, Ratio
from analytics.ranking.percentiles import PercentileDifference
from analytics.ranking.quality import Quality
from analytics.ranking.ranks import holm

Member = TypeVar("Member", Quality, Ratio, Difference, PercentileDifference)


def adjusted(family: Sequence[Member | None]) -> list[Member | None]:
    """The same comparisons in the same order, with `p_adjusted`. None, not measured, stays None."""
    p_values = iter(holm([member.p_value for member in family if member is not None]))
    return [
        None if member is None else replace(member, p_adjusted=next(p_values)) for member in family
    ]
