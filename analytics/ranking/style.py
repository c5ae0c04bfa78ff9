"""How long, structured and fast an answer was, so that a rating need not reward that.

Only the numbers a fit needs; what they were worth is in `Fit.coefficients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.ranking.battles import TRAITS, Battles, Floats

STYLE = ("tokens", "headings", "list_items", "bold")
"""What style control usually holds equal."""
SPEED = ("ttft_us", "duration_us")
"""Another thing voters see in a live comparison."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleMatrix:
    """Columns of a fit. A column that is the same in all battles is left out."""

    names: tuple[str, ...]
    values: Floats
    """(N, F)"""
    known: tuple[int, ...]
    """For each name the number of battles in which both answers had it."""


def style_matrix(battles: Battles, wanted: Sequence[str] = STYLE) -> StyleMatrix:
    """Relative differences divided by their standard deviation around zero, unknown ones as 0.

    Around zero and not around the mean, so that a battle says the same whichever side was shown
    first; with shuffled sides the mean is zero anyway. After T. Li et al., "Does style matter?",
    LMSYS 2024. Raises ValueError for a trait that does not exist.
    """
    if missing := set(wanted) - set(TRAITS):
        raise ValueError(f"there is no trait {min(missing)!r}")
    names, columns, known = [], [], []
    for name in wanted:
        column = battles.features[:, TRAITS.index(name)]
        is_known = np.isfinite(column)
        column = np.where(is_known, column, 0.0)
        spread = np.sqrt(np.mean(column**2)) if len(column) else 0.0
        if spread > 0:
            names.append(name)
            columns.append(column / spread)
            known.append(int(is_known.sum()))
    values = np.column_stack(columns) if columns else np.zeros((len(battles.first), 0))
    return StyleMatrix(names=tuple(names), values=values, known=tuple(known))
