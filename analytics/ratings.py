"""Which rating is the verdict of a run, and how its reasons are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select

from analytics.schema import feedback, run

_APART = "; "
BY_USER, THUMBS = "user", "thumbs"
IS_THUMB = and_(feedback.c.source == BY_USER, feedback.c.evaluation_name == THUMBS)
VERDICT: ColumnElement[Any] = (
    select(case((feedback.c.evaluation_score_value >= 0.5, 1), else_=0))
    .where(feedback.c.run_id == run.c.run_id, IS_THUMB)
    .where(feedback.c.evaluation_score_value.is_not(None))
    .order_by(feedback.c.created_at_us.desc(), feedback.c.feedback_id)
    .limit(1)
    .correlate(run)
    .scalar_subquery()
)
"""Of a run: 1 = its newest thumb is up, 0 = down, NULL = nobody rated it."""


def label_of(reasons: Sequence[str]) -> str | None:
    """Reasons as one `evaluation_score_label`; None for no reason."""
    return _APART.join(reasons) or None


def reasons_of(label: str | None) -> list[str]:
    """What `label_of` was made of."""
    return label.split(_APART) if label else []
