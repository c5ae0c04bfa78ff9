"""Wilson's intervals beside shares: a rate of six cases does not look like one of six thousand."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.metrics import Rate
from pages.components.dashboard_tables import Column


def interval(rate: Rate) -> str:
    """Wilson's 95 % interval, as "1.2-3.4 %"."""
    found = rate.interval
    return "unknown" if found is None else f"{found[0] * 100:.1f}–{found[1] * 100:.1f} %"


def interval_column(rates: Sequence[Rate]) -> Column:
    """The intervals beside a column of shares."""
    return Column(
        values=[None if rate.interval is None else interval(rate) for rate in rates],
        help="Wilson's 95 % interval: the share lies in it, as far as so few cases can tell.",
    )
