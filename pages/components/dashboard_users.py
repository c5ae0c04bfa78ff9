"""The tab "Users": who comes, who comes back, how long conversations are, who uses most.

Names of people are whatever a login gives: shown in cells of tables only, never as Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.metrics import DEFINITIONS
from analytics.queries.people import active_people, cohorts, threads, top_people
from analytics.queries.views import marks
from analytics.timeaxis import DAY_US, BucketSize, local
from pages.components.charts import HEIGHT, Count, Series, bars
from pages.components.charts_axes import NEUTRALS, ONES, Option, bucket_labels
from pages.components.charts_card import BUCKET_HEADER, Cell, Table, bucket_cells, card
from pages.components.charts_matrix import MatrixCell, matrix, matrix_px
from pages.components.dashboard_charts import marks_on
from pages.components.dashboard_controls import status_name
from pages.components.dashboard_intervals import interval, interval_column
from pages.components.dashboard_tables import Column, draw, rate_column, table_of, usd
from pages.components.format import count, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries.people import ActivePeople, Cohorts, Threads, TopPeople
    from pages.components.dashboard_tab import Tab

NEW, RETURNING = ("New", NEUTRALS[1]), ("Returning", NEUTRALS[0])
_SIZES: dict[BucketSize, str] = {"day": "Days", "week": "Weeks", "month": "Months"}
_LONGEST = {"day": 120 * DAY_US, "week": 800 * DAY_US}
_NEW_MEANS = (
    "New: the person's first run, as far back as runs are kept and whatever is filtered. A person "
    "counts once in every bucket, so buckets do not add up to the people of the range."
)
_COHORTS_MEAN = (
    "People by the week of their first run; each cell is the share of them with a run so many weeks "
    "later. Weeks begin on Monday in the reporting zone. *: a week cut by the range, or not over yet."
)
_THREADS_MEAN = (
    "Turns of a thread that fall among the runs looked at; a filter by status does not apply. "
    "Abandoned: the last turn failed, was stopped or waits for a person; running ones are not counted."
)
_TENTH = "The tenth of people with most runs, and the tenth that costs most, rounded up."


def show(tab: Tab) -> None:
    """Activity and return side by side, threads and the busiest people below."""
    size, shortened = _size(tab)
    with st.grid(2, min_column_width=360, gap="small", key="users_charts"):
        _show_active(tab, tab.answer(active_people, size), shortened)
        _show_cohorts(tab, tab.answer(cohorts))
    with st.grid(2, min_column_width=360, gap="small", key="users_more"):
        _show_threads(tab.answer(threads))
        _show_top(tab.answer(top_people))


def _size(tab: Tab) -> tuple[BucketSize, bool]:
    """The chosen size, or the next larger one that a chart has room for."""
    length = (tab.keep.until_us or 0) - (tab.keep.since_us or 0)
    chosen: BucketSize = st.session_state.get("people_size") or "day"
    sizes: list[BucketSize] = list(_SIZES)
    for size in sizes[sizes.index(chosen) :]:
        if length <= _LONGEST.get(size, length):
            return size, size != chosen
    return "month", True


def _show_active(tab: Tab, found: ActivePeople, shortened: bool) -> None:
    returning = found.people - found.new_people
    notes = [
        f"n = {count(found.people)} people",
        f"{count(found.new_people)} new",
        f"{count(returning)} were here before",
    ]
    if found.nameless:
        notes.append(f"{count(found.nameless)} runs without a person")
    if shortened:
        notes.append(f"drawn by {found.size}: the range is long")
    with card(
        "active-people",
        "Active people",
        f"How many use it, and do they come back? {', '.join(notes)}",
        definition=f"{DEFINITIONS['users']} {_NEW_MEANS}",
        data=partial(_active_table, tab, found),
        control=_size_control,
        runs={},
    ):
        whole = [not bucket.partial for bucket in found.buckets]
        drawn = [
            Series(name=name, color=color, values=values, sound=whole)
            for (name, color), values in ((RETURNING, found.returning), (NEW, found.new))
        ]
        also = [Count(name="Active", values=found.active), Count(name="Runs", values=found.runs)]
        st.echarts_chart(
            bars(
                bucket_labels(found.buckets, found.size, tab.zone), drawn, ONES, also,
                marks=marks_on(found.buckets, tab.answer(marks)),
            ),
            key="chart_people", height=HEIGHT,
            alt=f"Active people by {found.size}, highest {max(found.active, default=0)}",
        )  # fmt: skip


def _size_control() -> None:
    st.segmented_control(
        "Days, weeks or months", list(_SIZES), key="people_size", default="day", required=True,
        format_func=_SIZES.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def _show_cohorts(tab: Tab, found: Cohorts) -> None:
    people = sum(row.size for row in found.rows)
    shown = (
        f"showing {len(found.rows)} of {found.total} weeks, "
        if found.total > len(found.rows)
        else ""
    )
    with card(
        "cohorts",
        "Do new people stay?",
        f"Of those who came in a week, how many are there later? {shown}n = {count(people)} people, "
        f"{count(found.earlier)} came before the range",
        definition=_COHORTS_MEAN,
        data=partial(_cohort_table, tab, found),
    ):
        if not found.rows:
            st.info(
                "Nobody's first run is in this range. Choose a longer one.",
                icon=":material/group_add:",
            )
            return
        option = cohort_option(tab.zone, found)
        first = found.rows[0]
        spoken = share(first.active[1] / first.size) if len(first.active) > 1 else "not known yet"
        st.echarts_chart(
            option, key="chart_cohorts", height=matrix_px(len(found.rows)),
            alt=f"Return of new people by week; of the first cohort after one week: {spoken}",
        )  # fmt: skip


def cohort_option(zone: ZoneInfo, found: Cohorts) -> Option:
    """Rows: weeks with the number of new people. Columns: weeks after."""
    names = [
        f"{local(row.week.start_us, zone):%-d %b}{'*' if row.week.partial else ''} ({row.size})"
        for row in found.rows
    ]
    weeks = max(len(row.active) for row in found.rows)
    cells = [
        MatrixCell(
            column=later,
            row=place,
            weight=active / row.size,
            text=share(active / row.size, 0),
            said=f"{names[place]}: {active} of {row.size} after {later} weeks"
            + (" (this week is cut by the range)" if later == len(row.active) - 1 else ""),
        )
        for place, row in enumerate(found.rows)
        for later, active in enumerate(row.active)
    ]
    return matrix([f"+{k}" if k else "first" for k in range(weeks)], names, cells)


def _show_threads(found: Threads) -> None:
    looked = f"n = {count(found.threads)} threads with {count(found.runs)} runs"
    if not found.whole:
        looked += ", the newest of the range"
    with card(
        "threads",
        "Turns per thread",
        f"How long are conversations, and do they end with an answer? {looked}",
        definition=_THREADS_MEAN,
        data=lambda: (["turns", "threads"], list(found.turns.items())),
        runs={},
    ):
        if not found.threads:
            st.info("No thread in this range.", icon=":material/forum:")
            return
        median = "unknown" if found.median is None else f"{found.median:g}"
        lost = [(name, n) for name, n in found.last.items() if name not in ("ok", "running")]
        how = ", ".join(f"{status_name(name).lower()} {count(n)}" for name, n in lost)
        st.markdown(
            f"**{share(found.abandoned.share)}** abandoned ({interval(found.abandoned)})"
            + (f": {how}" if how else "")
            + f". Median {median} turns."
        )
        values = list(found.turns.values())
        drawn = [
            Series(name="Threads", color=RETURNING[1], values=values, sound=[True] * len(values))
        ]
        st.echarts_chart(
            bars(list(found.turns), drawn, ONES), key="chart_threads", height=HEIGHT,
            alt=f"Threads by number of turns, median {median}; "
            f"{share(found.abandoned.share)} end without an answer",
        )  # fmt: skip


def _show_top(found: TopPeople) -> None:
    costs = [row.cost for row in found.rows]
    failed = [row.failure for row in found.rows]
    columns = {
        "Person": Column(values=[row.user or "unknown" for row in found.rows]),
        "Runs": Column(values=[row.runs for row in found.rows], show=count),
        "Of all runs": Column(values=[row.runs_share for row in found.rows], show=share),
        "Cost": Column(
            values=[cost.value for cost in costs],
            show=usd,
            unit="pico-USD",
            help="Of their runs. Grey: some calls have no price, so it is at least this.",
            grey=[bool(cost.missing) for cost in costs],
        ),
        "Of all cost": Column(values=[row.cost_share for row in found.rows], show=share),
        "Tokens": Column(values=[row.tokens for row in found.rows], show=count),
        "Failed": rate_column(failed, DEFINITIONS["failure_rate"]),
        "Failed, 95 % interval": interval_column(failed),
    }
    with card(
        "top-people",
        "Who uses most",
        f"Is it a few or everybody? {_concentration(found)}",
        definition=f"{_TENTH} Runs without a person are in a row of their own and in no tenth.",
        data=partial(table_of, columns),
        runs={},
    ):
        draw(columns, alt="Runs, cost and failures by person, most runs first", key="people_all",
             height=HEIGHT + 50 if len(found.rows) > 8 else "auto")  # fmt: skip


def _concentration(found: TopPeople) -> str:
    shown = f"Showing {len(found.rows)} rows, n = {count(found.people)} people"
    if not found.people:
        return shown
    cost = "" if found.top_cost is None else f" and {share(found.top_cost)} of the cost"
    return f"The top {found.top} make {share(found.top_runs.share)} of the runs{cost}. {shown}"


def _active_table(tab: Tab, found: ActivePeople) -> Table:
    columns: Sequence[Sequence[int]] = (found.active, found.new, found.returning, found.runs)
    rows = [
        [*cells, *(column[k] for column in columns)]
        for k, cells in enumerate(bucket_cells(found.buckets, tab.zone))
    ]
    return [*BUCKET_HEADER, "active", "new", "returning", "runs"], rows


def _cohort_table(tab: Tab, found: Cohorts) -> Table:
    rows: list[Sequence[Cell]] = [
        [local(row.week.start_us, tab.zone).date().isoformat(), row.size, later, active]
        for row in found.rows
        for later, active in enumerate(row.active)
    ]
    return ["week_of_first_run", "people", "weeks_later", "active"], rows
