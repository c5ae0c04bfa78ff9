"""Threads: find them again, sort them, put them away."""

from datetime import tzinfo

import streamlit as st

from agents.thread_filter import ThreadFilter
from core.errors import InvalidInput, SwitchboardError
from pages.components import session
from pages.components.thread_dialogs import show_dialog
from pages.components.thread_words import time_zone
from pages.components.threads_filters import AFTER, clear, first_page, show_filters
from pages.components.threads_rows import show_bulk, show_rows

SHOWN = 30
_HITS = "_threads_hits"
_BACK = "_threads_back"

runtime = session.begin_page("chat")


def show_list(wanted: ThreadFilter, zone: tzinfo) -> None:
    after = st.query_params.get(AFTER)
    try:
        page = runtime.thread_list.page(session.owner(), wanted, after=after, limit=SHOWN)
    except InvalidInput:  # somebody's own address
        first_page()
        after, page = None, runtime.thread_list.page(session.owner(), wanted, limit=SHOWN)
    if not page.threads:
        show_nothing(wanted)
        return
    show_bulk(runtime, page.threads)
    show_rows(runtime, page.threads, zone)
    with st.container(horizontal=True):
        if after:
            st.button("Newer", icon=":material/arrow_back:", key="newer", on_click=newer)
        if page.after:
            st.button(
                "Older", icon=":material/arrow_forward:", key="older", on_click=older,
                args=(page.after,),
            )  # fmt: skip


def show_found(query: str, wanted: ThreadFilter, zone: tzinfo) -> None:
    limit = st.session_state.get(_HITS, SHOWN)
    found = runtime.thread_search.find(session.owner(), query, wanted, limit=limit)
    if not found.hits:
        show_nothing(wanted, query)
        return
    show_bulk(runtime, [hit.thread for hit in found.hits])
    show_rows(runtime, found.hits, zone)
    if found.more and limit < 300:
        st.button("Show more", key="more_hits", on_click=more_hits)
    elif found.more:
        st.caption("There are more. Add a word or a filter.")


def show_nothing(wanted: ThreadFilter, query: str = "") -> None:
    if wanted.narrows:
        st.info("No thread fits these filters.", icon=":material/filter_list_off:")
        st.button("Clear filters", key="clear_here", on_click=clear)
    elif query:
        st.info(
            "Nothing found. Search finds whole words; only the last one may be unfinished.",
            icon=":material/search_off:",
        )
    elif wanted.archived:
        st.info("Nothing is archived.", icon=":material/archive:")
    else:
        st.info("There are no threads yet.", icon=":material/chat:")
        st.page_link("pages/chat.py", label="Ask the first question", icon=":material/edit_square:")


def older(after: str) -> None:
    back: list[str] = st.session_state.setdefault(_BACK, [])
    back.append(st.query_params.get(AFTER, ""))
    st.query_params[AFTER] = after


def newer() -> None:
    back: list[str] = st.session_state.get(_BACK, [])
    before = back.pop() if back else ""
    if before:
        st.query_params[AFTER] = before
    else:
        first_page()


def more_hits() -> None:
    st.session_state[_HITS] = st.session_state.get(_HITS, SHOWN) + 50


st.title("Threads", anchor=False)
try:
    person_zone = time_zone(runtime)
    words, chosen = show_filters(runtime, person_zone)
    if words.strip():
        show_found(words, chosen, person_zone)
    else:
        show_list(chosen, person_zone)
    show_dialog(runtime)
except SwitchboardError as exc:
    session.show_error(exc)
