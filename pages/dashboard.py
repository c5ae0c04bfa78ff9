"""Dashboard: what every run cost in time, tokens and money."""

from functools import partial

import streamlit as st

from analytics.queries import Filter
from core.errors import SwitchboardError
from core.metrics_query import RangeName
from pages.components import session
from pages.components.dashboard_charts import (
    show_cost,
    show_percentiles,
    show_shares,
    show_status,
    show_tokens,
)
from pages.components.dashboard_controls import log_in_url, range_in_url, show_controls, usual_range
from pages.components.dashboard_empty import show_nothing
from pages.components.dashboard_figures import (
    Figures,
    any_runs,
    current,
    detail,
    facets,
    outdated,
    readable,
    records_since_us,
    seen,
    shares,
    slowest,
    tokens,
)
from pages.components.dashboard_kpis import compared_with, show_kpis
from pages.components.dashboard_live import PULSE_S, age_line, show_live
from pages.components.dashboard_run import show_run
from pages.components.dashboard_runs import run_in_url, show_runs
from pages.components.dashboard_tables import quality_line, show_agents, show_models

SKELETON_PX = 420

runtime = session.begin_page()
zone, catalog = runtime.queries.zone, runtime.catalog


def usual() -> RangeName:
    return usual_range(records_since_us(runtime.queries))


def show(keep: Filter) -> None:
    """Everything below the line that lives. A fragment; it runs by itself only while runs do."""
    loading = st.empty()
    try:
        if not seen():
            loading.skeleton(height=SKELETON_PX)
        figures = current(runtime, keep)
        loading.empty()
        if figures.kpis.current.runs:
            show_figures(figures)
        else:
            show_nothing(keep, catalog, any_runs(runtime))
        if "run" in st.query_params:
            run_id = run_in_url()
            show_run(detail(runtime, run_id) if run_id else None, zone, catalog)
    except SwitchboardError as exc:
        loading.empty()
        show_trouble(exc)


@st.fragment(run_every=PULSE_S)
def pulse(keep: Filter, was_live: bool) -> None:
    """The line that lives. Small, so that a page nobody needs costs next to nothing.

    Only when runs begin or end, or a quiet page became old, the page is drawn once more; whatever
    is the same in it stays as it is.
    """
    active = runtime.runs.active()
    line = st.container(horizontal=True, horizontal_alignment="distribute", key="pulse")
    with line:
        show_live(active)
    try:
        outgrown = range_in_url() is None and usual() != keep.range
        if bool(active) != was_live or outgrown or (not active and outdated(runtime, keep)):
            st.rerun()
        if readable(keep):
            figures = current(runtime, keep)
            compared = compared_with(figures)
            line.caption(
                age_line(figures.read_at_us, was_live, zone.key, compared), width="content"
            )
    except SwitchboardError:
        if readable(keep):
            st.rerun()  # what stands below cannot be trusted any more


def show_figures(figures: Figures) -> None:
    show_kpis(figures)
    log = log_in_url()
    with st.grid(2, min_column_width=360, gap="small", key="charts"):
        show_status(figures, zone)
        show_shares(shares(runtime, figures))
        show_percentiles(
            "ttft", "Time to first token", "How long do people wait for the first word?",
            figures.ttft, zone, log=log,
        )  # fmt: skip
        show_percentiles(
            "latency", "Run latency", "How long until an answer is complete?",
            figures.latency, zone, log=log,
        )  # fmt: skip
        show_tokens(figures, partial(tokens, runtime, figures), zone, catalog)
        show_cost(figures, zone, catalog)
    show_agents(figures)
    show_models(figures, catalog)
    st.caption(quality_line(figures.quality, runtime.recorder.health().dropped))
    show_runs(figures, partial(slowest, runtime, figures), zone, catalog)


@st.fragment(run_every=PULSE_S)
def wait_for_figures() -> None:
    """Stands in for the whole page while the figures cannot be read, and looks again."""
    try:
        facets(runtime)
        usual()
    except SwitchboardError as exc:
        show_trouble(exc)
    else:
        st.rerun()


def show_trouble(exc: SwitchboardError) -> None:
    session.show_error(exc)
    st.caption("Chat and comparison go on without the figures. This page looks again by itself.")


st.title("Dashboard", anchor=False)
try:
    chosen = show_controls(facets(runtime), catalog, usual())
except SwitchboardError:
    wait_for_figures()
else:
    live = bool(runtime.runs.active())
    top = st.container()
    st.fragment(show, run_every=PULSE_S if live else None)(chosen)
    with top:  # drawn last: it compares with what was just drawn
        pulse(chosen, live)
