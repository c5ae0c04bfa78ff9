"""One key figure in a frame: its name, its value, the change, a sparkline, and what it rests on.

Streamlit's own frame of a metric cuts names and notes with dots; here both wrap, because a share
without its interval and its n says little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

_GAP = float("nan")
AT_LEAST = ":small[at least] "
"""Before a sum of known values that lacks some; as Markdown."""


def show_tile(
    label: str,
    value: str | None,
    note: str,
    *,
    help: str,
    change: str | int | None = None,
    color: Any = "off",
    trend: Sequence[float | None] = (),
    chart: Literal["line", "bar"] = "line",
) -> None:
    """Draws it. `value` None: nothing was measured. `trend` is left out when all of it is 0."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f":small[{label}]", help=help)
        st.metric(
            label,
            value,
            change,
            delta_color=color,
            label_visibility="collapsed",
            chart_data=[_GAP if v is None else v for v in trend] if any(trend) else None,
            chart_type=chart,
        )
        st.caption(note)
