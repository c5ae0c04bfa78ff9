"""One run: what happened in it, what was said, what it cost, and how it differs from another."""

import streamlit as st

from core.errors import StorageError
from pages.components import session
from pages.components.dashboard_runs import RUN_QUERY
from pages.components.run_compare import NOT_FOUND, show_compare
from pages.components.run_costs import show_costs
from pages.components.run_errors import show_errors, show_stalls
from pages.components.run_events import show_events
from pages.components.run_head import show_head
from pages.components.run_newest import show_newest
from pages.components.run_reading import OTHERS, KnownRun, read_run
from pages.components.run_replay import show_replay
from pages.components.run_save_case import show_save_case
from pages.components.run_sources import show_sources
from pages.components.run_waterfall import show_steps, show_waterfall
from pages.components.run_words import show_words

LIVE_S = 2.0
VIEWS = {
    "what": "What happened",
    "words": "Messages",
    "sources": "Sources",
    "cost": "Tokens and cost",
    "replay": "Replay",
    "events": "Events",
    "compare": "Compare",
}

runtime = session.begin_page("figures")


def view_in_url() -> str:
    usual = "compare" if "with" in st.query_params else "what"
    asked = st.query_params.get("view", usual)
    return asked if asked in VIEWS else usual


def write_view() -> None:
    """A callback."""
    st.query_params["view"] = st.session_state["view"]


def show(known: KnownRun, view: str) -> None:
    """The head and the chosen part. Raises StorageError."""
    zone, catalog, detail = runtime.zone, runtime.catalog, known.detail
    if detail is None:
        st.info("This run waits for a place; nothing happened yet.", icon=":material/hourglass:")
        return
    show_head(detail.run, zone, catalog, known.events)
    if not known.live:
        show_save_case(runtime, known.run_id)
    if known.trouble is not None:
        session.show_error(known.trouble)
        st.caption("What the run's own log tells is shown.")
    elif known.live:
        st.info("This run is still going on. What is known so far:", icon=":material/pending:")
    elif not known.recorded and known.events:
        st.caption("The figures come from the run's own log; analytics has not recorded it yet.")
    match view:
        case "words":
            show_words(known, catalog)
        case "sources":
            show_sources(known)
        case "cost":
            show_costs(detail, zone, catalog)
        case "replay":
            show_replay(runtime, known)
        case "events":
            show_events(known)
        case "compare":
            show_compare(runtime, known)
        case _:
            show_errors(known, catalog)
            show_waterfall(detail, catalog)
            show_steps(detail, catalog)
            show_stalls(known, catalog)


@st.fragment(run_every=LIVE_S)
def follow(run_id: str, view: str) -> None:
    """The page of a run that goes on. When it has ended, the whole page is drawn once more."""
    try:
        known = read_run(runtime, run_id)
        if known is None or not known.live:
            st.rerun()
        show(known, view)
    except StorageError as exc:
        session.show_error(exc)


def show_way_back() -> None:
    """To the list one came from, with its tab and filters."""
    own = {one: st.query_params.get_all(one) for one in st.query_params if one not in RUN_QUERY}
    st.page_link(
        "pages/dashboard.py", label="All runs", icon=":material/arrow_back:",
        query_params={"tab": ["runs"]} | own,
    )  # fmt: skip


show_way_back()
st.title("Run", anchor=False)
try:
    asked_id = st.query_params.get("id")
    found = read_run(runtime, asked_id)
    if found is None:
        if asked_id:
            st.warning(NOT_FOUND, icon=":material/link_off:")
            if runtime.identity.required:
                st.caption(OTHERS)
        else:
            st.info("No run is chosen.", icon=":material/touch_app:")
            show_newest(runtime)
        st.stop()
    chosen = view_in_url()
    st.session_state["view"] = chosen
    st.segmented_control(
        "Part of the run", list(VIEWS), key="view", required=True, wrap=False, on_change=write_view,
        format_func=VIEWS.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    if found.live and chosen != "replay":
        follow(found.run_id, chosen)
    else:
        show(found, chosen)
except StorageError as exc:
    session.show_error(exc)
    st.caption("Chat and comparison go on without the figures.")
