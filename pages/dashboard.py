"""Dashboard: what every run cost in time, tokens and money."""

import time

import streamlit as st

from analytics.queries import Filter, overview
from core.errors import SwitchboardError
from core.metrics_query import RangeName
from pages.components import session
from pages.components.alerts_banner import show_banner
from pages.components.dashboard_controls import log_in_url, show_controls
from pages.components.dashboard_empty import show_nothing
from pages.components.dashboard_live import (
    PULSE_S,
    age_line,
    in_flight,
    latest_first_tokens,
    show_live,
)
from pages.components.dashboard_range import moments_in_url, range_in_url, range_name, usual_range
from pages.components.dashboard_reading import (
    any_runs,
    current,
    facets,
    note_drawn,
    note_failed,
    outdated,
    readable,
    records_since_us,
    seen,
)
from pages.components.dashboard_runs import set_run
from pages.components.dashboard_tab import Tab
from pages.components.dashboard_tabs import show_tab, show_tabs
from pages.components.lost_files import show_recording_trouble

SKELETON_PX = 420

runtime = session.begin_page("figures")
zone, catalog = runtime.zone, runtime.catalog


def usual() -> RangeName:
    return usual_range(records_since_us(session.figures()))


def show(name: str, keep: Filter, live: bool) -> None:
    """The chosen tab. A fragment; it runs by itself only while runs do."""
    loading, began = st.empty(), time.perf_counter()
    try:
        if not seen():
            loading.skeleton(height=SKELETON_PX)
        reading = current(keep)
        tab = Tab(
            runtime=runtime, figures=session.figures(), keep=reading.keep, zone=zone, catalog=catalog, log=log_in_url(),
            live=live, version=reading.version, records_since_us=reading.records_since_us,
        )  # fmt: skip
        if tab.answer(overview.runs_in_range):
            loading.empty()
            show_tab(name, tab)
        else:
            loading.empty()
            show_nothing(name, keep, catalog, any_runs())
        note_drawn(keep, time.perf_counter() - began)
    except SwitchboardError as exc:
        loading.empty()
        note_failed(keep)
        show_trouble(exc)


@st.fragment(run_every=PULSE_S)
def pulse(keep: Filter, was_live: bool) -> None:
    """The line that lives. Small, so that a page nobody needs costs next to nothing.

    Only when runs begin or end, or a quiet page became old, the page is drawn once more; whatever
    is the same in it stays as it is.
    """
    active = in_flight(runtime)
    try:
        show_live(active, latest_first_tokens(), catalog)
        outgrown = not _range_chosen() and usual() != keep.range
        if bool(active) != was_live or outgrown or (not active and outdated(keep)):
            st.rerun()
        if readable(keep):
            reading = current(keep)
            compared = _compared(reading.keep, keep, reading.records_since_us)
            st.caption(age_line(reading.read_at_us, was_live, zone.key, compared))
    except SwitchboardError:
        if readable(keep):
            st.rerun()  # what stands below cannot be trusted any more


def _range_chosen() -> bool:
    return range_in_url() is not None or moments_in_url(zone) is not None


def _compared(pinned: Filter, keep: Filter, since_us: int) -> str:
    """What the changes on the page mean."""
    begins = 2 * (pinned.since_us or 0) - (pinned.until_us or 0)
    if keep.range == "all" or begins < since_us:
        return "no earlier period to compare with"
    length = "equal time" if keep.since_us is not None else range_name(keep, zone)
    return f"changes against the {length} before"


@st.fragment(run_every=PULSE_S)
def wait_for_figures() -> None:
    """Stands in for the whole page while the figures cannot be read, and looks again."""
    try:
        facets()
        usual()
    except SwitchboardError as exc:
        show_trouble(exc)
    else:
        st.rerun()


def show_trouble(exc: SwitchboardError) -> None:
    session.show_error(exc)
    st.caption("Chat and comparison go on without the figures. This page looks again by itself.")


if "run" in st.query_params:  # an address from before runs had a page of their own
    set_run(st.query_params.pop("run"))
st.title("Dashboard", anchor=False)
if session.allowed("all_figures"):
    show_banner(runtime)
    show_recording_trouble(runtime)
else:
    st.caption("The figures of your own questions. Nobody else's are among them.")
chosen_tab = show_tabs(everybody=session.allowed("all_figures"))
try:
    chosen = show_controls(runtime, facets(), usual())
except SwitchboardError:
    wait_for_figures()
else:
    is_live = bool(in_flight(runtime))
    top = st.container()
    st.fragment(show, run_every=PULSE_S if is_live else None)(chosen_tab, chosen, is_live)
    with top:  # drawn last: it compares with what was just drawn
        pulse(chosen, is_live)
