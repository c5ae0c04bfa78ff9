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
    records_since_us,
    shares,
    slowest,
    tokens,
)
from pages.components.dashboard_kpis import compared_with, show_kpis
from pages.components.dashboard_live import IDLE_S, LIVE_S, age_line, show_live
from pages.components.dashboard_run import show_run
from pages.components.dashboard_runs import run_in_url, show_runs
from pages.components.dashboard_tables import quality_line, show_agents, show_models

runtime = session.begin_page()
zone, catalog = runtime.queries.zone, runtime.catalog


def usual() -> RangeName:
    return usual_range(records_since_us(runtime.queries))


@st.fragment(run_every=IDLE_S)
def watch(keep: Filter) -> None:
    """Looks slowly whether anything happens; only while runs are active the page looks often.

    The place of `show` is the same in both cases, so that nothing is drawn anew at the change.
    """
    if runtime.runs.active():
        live(keep)
    else:
        with st.container():
            show(keep)


@st.fragment(run_every=LIVE_S)
def live(keep: Filter) -> None:
    show(keep)


def show(keep: Filter) -> None:
    active = runtime.runs.active()
    with st.container(horizontal=True, horizontal_alignment="distribute", key="pulse"):
        show_live(active)
        age = st.empty()
    try:
        if range_in_url() is None and usual() != keep.range:
            st.rerun()  # the records have outgrown the range that was chosen for them
        figures = current(runtime, keep)
        compared = compared_with(figures)
        age.caption(age_line(figures.read_at_us, bool(active), zone.key, compared), width="content")
        if figures.kpis.current.runs:
            show_figures(figures)
        else:
            show_nothing(keep, catalog, any_runs(runtime))
        if "run" in st.query_params:
            run_id = run_in_url()
            show_run(detail(runtime, run_id) if run_id else None, zone, catalog)
    except SwitchboardError as exc:
        show_trouble(exc)


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


@st.fragment(run_every=IDLE_S)
def wait_for_figures() -> None:
    """Stands in for the whole page while the figures cannot be read, and looks again."""
    try:
        facets(runtime)
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
    watch(chosen)
