"""What lies over the page: search, and what is asked before a thread is renamed, tagged or deleted.

Which one is open is a value of the session, so that it stays open when the page is drawn anew. While
one is open the page must not follow an answer: the dialog's own runs would wait for its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from agents.thread_list import MAX_TAG, MAX_TAGS, MAX_TITLE
from core.errors import SwitchboardError
from pages.components import session
from pages.components.exchange_export import thread_export
from pages.components.thread_words import WHERE_WORDS, short, snippet_markdown

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.thread_search import Hit

_OPEN = "_thread_dialog"
SHOWN_HITS = 20
Wanted = tuple[str, tuple[str, ...]]
"""What is asked, and the threads it is about."""


def open_dialog(what: str, thread_ids: Sequence[str] = ()) -> None:
    """For callbacks; drawn in the run that follows."""
    st.session_state[_OPEN] = (what, tuple(thread_ids))


def close_dialog() -> None:
    st.session_state.pop(_OPEN, None)


def show_dialog(runtime: Runtime) -> bool:
    """Draws the one that is open, if any; True when it did."""
    wanted: Wanted | None = st.session_state.get(_OPEN)
    found = _DIALOGS.get(wanted[0]) if wanted else None
    if wanted is None or found is None:
        return False
    title, draw = found

    def body() -> None:
        try:
            draw(runtime, wanted[1])
        except SwitchboardError as exc:  # it was deleted in another tab
            session.show_error(exc)

    st.dialog(title, on_dismiss=close_dialog)(body)()
    return True


def _search(runtime: Runtime, _ids: tuple[str, ...]) -> None:
    query = st.text_input(
        "Search in titles, messages, tool calls, sources and tags",
        key="thread_query", live="300ms", max_chars=300, icon=":material/search:",
        placeholder="Words, or the beginning of one",
    )  # fmt: skip
    if not query or not query.strip():
        st.caption("Finds whole words, in any order; the last one may be unfinished.")
        return
    try:
        found = runtime.thread_search.find(session.owner(), query, limit=SHOWN_HITS)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    if not found.hits:
        st.caption("Nothing found. Archived threads are searched on the page Threads.")
    for hit in found.hits:
        if show_hit(hit):
            open_hit(runtime, hit)
            close_dialog()
            st.switch_page("pages/chat.py", query_params={"thread": hit.thread.id})
    if found.more:
        st.caption("There are more. Add a word, or search on the page Threads, which has filters.")


def show_hit(hit: Hit) -> bool:
    """A title to click and what was found; True when it was clicked."""
    with st.container(gap=None, key=f"hit_{hit.thread.id}"):
        clicked = st.button(
            f"**{short(hit.thread.title, 80)}**", key=f"hit_open_{hit.thread.id}", type="tertiary",
            wrap=False,
        )  # fmt: skip
        where = WHERE_WORDS[hit.where]
        if hit.where != "title":
            st.caption((f"{where}: " if where else "") + snippet_markdown(hit.snippet))
    return clicked


def open_hit(runtime: Runtime, hit: Hit) -> None:
    """Shows the branch with the message that was found, when the thread shows another."""
    if hit.message_id is None:
        return
    shown = runtime.threads.messages(hit.thread.id, session.owner(), limit=2_000)
    if all(message.id != hit.message_id for message in shown):
        runtime.threads.show(hit.message_id, session.owner())


def _rename(runtime: Runtime, ids: tuple[str, ...]) -> None:
    thread = runtime.threads.get(ids[0], session.owner())
    with st.form("rename_thread", border=False):
        title = st.text_input("Title", value=thread.title, max_chars=MAX_TITLE)
        if st.form_submit_button("Rename", type="primary"):
            _do(lambda: runtime.thread_list.rename(ids[0], session.owner(), title or ""))


def _tags(runtime: Runtime, ids: tuple[str, ...]) -> None:
    threads = runtime.thread_list
    have = list(threads.of_ids(session.owner(), ids)[0].tags)
    # Beside the field: below it the button would be under the list of tags.
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tags = st.multiselect(
            "Tags", sorted({*threads.tags(session.owner()), *have}, key=str.casefold), default=have,
            accept_new_options=True, max_selections=MAX_TAGS, placeholder="Choose or type a tag",
            key=f"tags_{ids[0]}",
            help=f"At most {MAX_TAGS} a thread, {MAX_TAG} characters each.",
        )  # fmt: skip
        save = st.button("Save", type="primary", key="save_tags")
    if save:
        _do(lambda: threads.set_tags(ids[0], session.owner(), tags))


def _delete(runtime: Runtime, ids: tuple[str, ...]) -> None:
    if len(ids) == 1:
        thread = runtime.threads.get(ids[0], session.owner())
        st.markdown(f"**{short(thread.title, 120)}**")
    st.markdown(
        "Messages, files, run logs, the agents' memory and what analytics kept of the words are "
        "deleted. Figures without words stay. This cannot be undone."
    )
    with st.container(horizontal=True):
        label = "Delete thread" if len(ids) == 1 else f"Delete {len(ids):,} threads"
        if st.button(label, type="primary", icon=":material/delete:", key="delete_yes"):
            _do(lambda: _delete_all(runtime, ids))
        if st.button("Keep", key="delete_no"):
            _do(lambda: None)


def _delete_all(runtime: Runtime, ids: Sequence[str]) -> None:
    for thread_id in ids:
        runtime.delete_thread(thread_id, session.owner())
        session.note("thread_deleted", thread_id)
        if thread_id == session.thread_id():
            session.set_thread(None)


def _do(action: Callable[[], object]) -> None:
    """Then closes; an error is shown in the dialog, which stays."""
    try:
        action()
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    close_dialog()
    st.rerun()


_DIALOGS: dict[str, tuple[str, Callable[[Runtime, tuple[str, ...]], None]]] = {
    "search": ("Search chats", _search),
    "rename": ("Rename", _rename),
    "tags": ("Tags", _tags),
    "export": ("Export", thread_export),
    "delete": ("Delete for ever?", _delete),
}
