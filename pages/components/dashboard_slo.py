"""The service level: attainment, what is left of its error budget, and other limits tried out."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import streamlit as st

from analytics.metrics import Rate
from analytics.queries import views
from analytics.queries.service_level import Attainment, attainment, within
from pages.components.charts import GREY, Count, Series, lines
from pages.components.charts_axes import NEUTRALS, PERCENT, Option, bucket_labels
from pages.components.charts_card import BUCKET_HEADER, Cell, Table, bucket_cells, card
from pages.components.dashboard_charts import marks_on
from pages.components.format import count, share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from pages.components.dashboard_tab import Tab

BUDGET_COLOR, ATTAINED_COLOR = GREY, NEUTRALS[0]
CHART_PX = 200
_FIRST_S = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0)
_ANSWER_S = (2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0)


def show_slo(tab: Tab) -> None:
    """Are answers fast enough, and how much may still go wrong?"""
    settings = tab.runtime.settings
    found = tab.answer(attainment, settings.slo_target)
    limits = f"first token {settings.slo_first_token_s:g} s, answer {settings.slo_answer_s:g} s"
    with card(
        "service-level",
        "Service level",
        f"Are answers fast enough ({limits})? {_summary(found)}",
        definition="Met: runs that kept every limit of the profile they were judged by / runs that "
        "count. A failed run is a miss; a stopped one counts only if it had broken a limit before. "
        f"Budget: {share(1 - found.target)} of the runs of the range may miss; below 0 it is "
        "overspent.",
        data=partial(_table, found, tab.zone),
        runs={},
    ):
        if not found.total.n:
            st.info("No run of this range counts yet.", icon=":material/hourglass_empty:")
            return
        st.echarts_chart(
            budget_option(found, tab, tab.answer(views.marks)), key="chart_slo", height=CHART_PX,
            alt=f"Service level over time. {_summary(found)}",
        )  # fmt: skip
        _try_limits(tab, settings.slo_first_token_s, settings.slo_answer_s)


def budget_option(found: Attainment, tab: Tab, marks: Sequence[views.Annotation]) -> Option:
    """Attainment by bucket and the budget that is left, in percent; both on one axis."""
    by_bucket = [met / of if of else None for met, of in zip(found.met, found.of, strict=True)]
    whole = [not bucket.partial for bucket in found.buckets]
    left = budget_left(found)
    return lines(
        bucket_labels(found.buckets, found.size, tab.zone),
        [
            Series(name="Met", color=ATTAINED_COLOR, values=by_bucket, sound=whole),
            Series(
                name="Budget left", color=BUDGET_COLOR, values=left, symbol="diamond",
                sound=[True] * len(left),
            ),
        ],
        PERCENT,
        [Count(name="Runs that count", values=found.of)],
        marks=marks_on(found.buckets, marks),
    )  # fmt: skip


def budget_left(found: Attainment) -> list[float | None]:
    """What is left after each bucket, from the first run that counts on: before it, a gap."""
    begun = [so_far > 0 for so_far in accumulate(found.of)]
    return [value if any_run else None for value, any_run in zip(found.left(), begun, strict=True)]


def _try_limits(tab: Tab, first_s: float, answer_s: float) -> None:
    """Two sliders over past runs; nothing is stored."""
    st.caption("**Try other limits** on the runs of this range; failed ones are misses.")
    with st.grid(2, min_column_width=180, gap="small", key="limits"):
        with st.container(gap="xsmall"):
            first = _slider("First token within", "limit_first", _FIRST_S, first_s)
            said_first = st.empty()
        with st.container(gap="xsmall"):
            answer = _slider("Answer within", "limit_answer", _ANSWER_S, answer_s)
            said_answer = st.empty()
    tried = tab.answer(within, round(first * 1e6), round(answer * 1e6))
    said_first.markdown(said(tried.first_token))
    said_answer.markdown(said(tried.duration))


def said(rate: Rate) -> str:
    """A share with its interval, as Markdown."""
    if rate.interval is None:
        return "no run to say"
    low, high = rate.interval
    return (
        f"**{share(rate.share)}** :small[:gray[{low * 100:.1f}–{high * 100:.1f} %, "
        f"n = {count(rate.n)}]]"
    )


def _slider(label: str, key: str, steps: tuple[float, ...], now: float) -> float:
    options = sorted({*steps, now})
    if st.session_state.get(key) not in options:
        st.session_state[key] = now
    chosen: float = st.select_slider(label, options, key=key, format_func=lambda s: f"{s:g} s")
    return chosen


def _summary(found: Attainment) -> str:
    total = found.total
    left = next((value for value in reversed(found.left()) if value is not None), None)
    budget = f"; {share(left)} of the budget left" if left is not None else ""
    return (
        f"{share(total.share)} of {count(total.n)} runs met it, target "
        f"{share(found.target)}{budget}"
    )


def _table(found: Attainment, zone: ZoneInfo) -> Table:
    rows: list[list[Cell]] = [
        [*start, met, of, left]
        for start, met, of, left in zip(
            bucket_cells(found.buckets, zone), found.met, found.of, budget_left(found), strict=True
        )
    ]
    return [*BUCKET_HEADER, "met", "runs_that_count", "share_of_budget_left"], rows
