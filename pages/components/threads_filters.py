"""Which threads the page Threads shows: a search, filters, all of them in the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal

import streamlit as st

from agents.specialists import BY_NAME
from agents.thread_filter import ANY_ERROR, State, ThreadFilter
from core.words import error_name
from pages.components import session
from pages.components.thread_words import STATE_WORDS

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.thread_list import Facts

AFTER = "after"
FIND = "find"
ARCHIVE = "archive"
KNOWN_S = 30
KEYS = ("state", "by_agent", "by_model", "ended_with", "rated", "tag", "from", "until")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
_DAYS = ("from", "until")
_STATES: dict[str, State] = {
    "running": "running",
    "waiting": "waiting",
    "failed": "failed",
    "unread": "unread",
}
_RATED: dict[str, tuple[Literal[1, -1], str]] = {
    "up": (1, "Thumbs up"),
    "down": (-1, "Thumbs down"),
}


def show_filters(runtime: Runtime, zone: tzinfo) -> tuple[str, ThreadFilter]:
    """Draws them; gives the words that are looked for and the filter."""
    with st.container(horizontal=True, vertical_alignment="center", key="threads_find"):
        query = st.text_input(
            "Search", key=FIND, bind="query-params", live="400ms", max_chars=300,
            icon=":material/search:", placeholder="Search titles, messages, tool calls, sources, tags",
            label_visibility="collapsed", on_change=first_page, width="stretch",
        )  # fmt: skip
        _from_address(ARCHIVE, ["chats", "archived"], "chats")
        archived = st.segmented_control(
            "Which", ["chats", "archived"], key=ARCHIVE, format_func=str.capitalize, required=True,
            label_visibility="collapsed", on_change=_to_address, args=(ARCHIVE,),
        )  # fmt: skip
        options = _options(runtime)
        for key, (_, offered) in options.items():
            _from_address(key, offered)
        chosen = [key for key in KEYS if _asks(key)]
        label = f"Filters: {len(chosen)}" if chosen else "Filters"
        with st.popover(label, icon=":material/filter_list:", key="threads_filters"):
            wanted = _fields(options, zone)
            st.button(
                "Clear filters", key="clear_filters", on_click=clear, disabled=not chosen,
                icon=":material/filter_list_off:", type="tertiary",
            )  # fmt: skip
    return query or "", replace(wanted, archived=archived == "archived")


def first_page() -> None:
    st.query_params.pop(AFTER, None)


def clear() -> None:
    """For a callback: all but the search and the choice of the archive."""
    for key in KEYS:
        st.session_state[key] = None
        st.query_params.pop(key, None)
    first_page()


def _options(runtime: Runtime) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Of each choice its label, and its values with their words."""
    facts = _facts(runtime, runtime.database.url, session.owner())
    tags = runtime.thread_list.tags(session.owner())
    errors = {ANY_ERROR: "Any error", "lost": error_name("lost")}
    errors |= {one: error_name(one) for one in facts.errors}
    return {
        "state": ("State", {key: STATE_WORDS[one] for key, one in _STATES.items()}),
        "by_agent": (
            "Agent",
            {name: BY_NAME[name].title if name in BY_NAME else name for name in facts.agents},
        ),
        "by_model": ("Model", {one: runtime.catalog.display_name(one) for one in facts.models}),
        "ended_with": ("Error", errors),
        "rated": ("Rating", {key: label for key, (_, label) in _RATED.items()}),
        "tag": ("Tag", {one: f"{one} ({n:,})" for one, n in tags.items()}),
    }


def _asks(key: str) -> bool:
    """Whether the address has a value for it that there is."""
    value = st.query_params.get(key, "")
    if key not in _DAYS:
        return bool(value)
    try:
        return FIRST_DAY <= date.fromisoformat(value) <= LAST_DAY
    except ValueError:
        return False


def _fields(options: Mapping[str, tuple[str, Mapping[str, str]]], zone: tzinfo) -> ThreadFilter:
    left, right = st.columns(2)
    with left:
        state, agent, model = (
            _choice(key, *options[key]) for key in ("state", "by_agent", "by_model")
        )
        since = _day("Changed from", "from")
    with right:
        error, rated, tag = (_choice(key, *options[key]) for key in ("ended_with", "rated", "tag"))
        until = _day("Until", "until")
    return ThreadFilter(
        state=_STATES.get(state or ""),
        agent=agent,
        model=model,
        error=error,
        rating=_RATED[rated][0] if rated in _RATED else None,
        tags=(tag,) if tag else (),
        since_us=_midnight_us(since, zone),
        before_us=_midnight_us(until + timedelta(days=1), zone) if until else None,
    )


@st.cache_data(ttl=KNOWN_S, max_entries=100, show_spinner=False)
def _facts(_runtime: Runtime, where: str, owner: str) -> Facts:
    """Reads every answer of the person, so not for each letter typed. `where` tells databases apart."""
    return _runtime.thread_list.facts(owner)


def _choice(key: str, label: str, options: Mapping[str, str]) -> str | None:
    return st.selectbox(
        label, list(options), index=None, key=key, placeholder="Any",
        format_func=lambda value: options.get(value, value), on_change=_to_address, args=(key,),
    )  # fmt: skip


def _from_address(key: str, options: Collection[str], otherwise: str | None = None) -> None:
    """Streamlit's own binding writes what is shown, with its counts, instead of what is meant."""
    if key not in st.session_state:
        given = st.query_params.get(key)
        if given is not None and given not in options:
            del st.query_params[key]
            given = None
        st.session_state[key] = given or otherwise


def _to_address(key: str) -> None:
    value = st.session_state[key]
    if value:
        st.query_params[key] = value
    else:
        st.query_params.pop(key, None)
    first_page()


def _day(label: str, key: str) -> date | None:
    found = st.date_input(
        label, value=None, key=key, bind="query-params", on_change=first_page,
        min_value=FIRST_DAY, max_value=LAST_DAY,
    )  # fmt: skip
    return found if isinstance(found, date) else None


def _midnight_us(day: date | None, zone: tzinfo) -> int | None:
    if day is None:
        return None
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(moment.timestamp()) * 1_000_000
