"""The list of threads: new, search, switch, and a menu for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from agents.thread_filter import ThreadFilter
from core.date_groups import PINNED
from core.errors import SwitchboardError
from pages.components import session
from pages.components.login_screen import show_who
from pages.components.thread_dialogs import open_dialog, show_dialog
from pages.components.thread_marks import Marks
from pages.components.thread_words import (
    NEW_CHAT_KEYS,
    SEARCH_KEYS,
    group_of,
    short,
    time_zone,
)

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.thread_list import ListedThread

SHOWN = 30
_MORE = 50
_SHOWN = "_threads_shown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One more entry of a thread's menu. `run` gets the thread's id, in a callback."""

    label: str
    icon: str
    run: Callable[[str], None]


def show(
    runtime: Runtime,
    current: str | None,
    *,
    actions: Sequence[Action] = (),
    under_new: Callable[[], None] | None = None,
) -> Marks:
    """Draws the sidebar of the chat page. `under_new` draws below "New chat".

    The page calls `refresh` of what it gets while and after it follows an answer, and follows none
    while it is `covered`.
    """
    if current is not None:
        runtime.thread_list.mark_seen(current, session.owner())
    marks = Marks(runtime, current)
    with st.sidebar:
        _buttons()
        # Each part keeps its place: what moves up is shown twice until the answer has ended.
        with st.container():
            if under_new is not None:
                under_new()
        with st.container():
            _list(runtime, current, marks, actions)
        with st.container():
            marks.watch()
        show_who(runtime)
    marks.covered = show_dialog(runtime)
    return marks


def _buttons() -> None:
    with st.container(gap="xxsmall"):
        st.button(
            "New chat", key="new_chat", icon=":material/edit_square:", width="stretch",
            shortcut=NEW_CHAT_KEYS, on_click=session.set_thread, args=(None,),
        )  # fmt: skip
        st.button(
            "Search", key="search_chats", icon=":material/search:", width="stretch",
            shortcut=SEARCH_KEYS, on_click=open_dialog, args=("search",),
        )  # fmt: skip


def _list(runtime: Runtime, current: str | None, marks: Marks, actions: Sequence[Action]) -> None:
    pinned = runtime.thread_list.pinned(session.owner())
    shown = st.session_state.get(_SHOWN, SHOWN)
    page = runtime.thread_list.page(session.owner(), ThreadFilter(pinned=False), limit=shown)
    if not pinned and not page.threads:
        st.caption("Your conversations will be listed here.")
        return
    zone = time_zone(runtime)
    groups: dict[str, list[ListedThread]] = {PINNED: pinned} if pinned else {}
    for one in page.threads:
        groups.setdefault(group_of(one.updated_at_us, zone), []).append(one)
    for name, threads in groups.items():
        with st.container(gap=None, key=f"group_{name.replace(' ', '_')}"):
            st.caption(name)
            for one in threads:
                _row(runtime, one, one.id == current, marks, actions)
    with st.container(horizontal=True, vertical_alignment="center"):
        if page.after is not None:
            st.button("Show older", key="older_threads", on_click=_more, type="tertiary")
        st.page_link("pages/threads.py", label="All threads", icon=":material/list:")


def _row(
    runtime: Runtime,
    one: ListedThread,
    is_current: bool,
    marks: Marks,
    actions: Sequence[Action],
) -> None:
    title = short(one.title)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap=None,
        key=f"row_{one.id}",
    ):  # fmt: skip
        with st.container(horizontal=True):  # which keeps a long title from pushing the menu away
            st.button(
                f"**{title}**" if is_current or one.state == "unread" else title,
                key=f"thread_{one.id}", type="tertiary", on_click=session.set_thread,
                args=(one.id,), wrap=False,
            )  # fmt: skip
        marks.add(one.id, one.state)
        show_menu(runtime, one, actions)


def show_menu(runtime: Runtime, one: ListedThread, actions: Sequence[Action] = ()) -> None:
    """Three dots with what can be done with a thread."""
    entries = {
        "rename": ":material/edit: Rename",
        "pin": ":material/keep_off: Unpin" if one.pinned else ":material/keep: Pin",
        "tags": ":material/sell: Tags",
        **{f"action_{n}": f"{action.icon} {action.label}" for n, action in enumerate(actions)},
        "export": ":material/download: Export",
        "archive": ":material/unarchive: Restore" if one.archived else ":material/archive: Archive",
        "delete": ":material/delete: :red[Delete]",
    }
    key = f"menu_{one.id}"

    def chosen() -> None:
        choice = st.session_state[key]
        if choice in ("rename", "tags", "export", "delete"):
            open_dialog(choice, [one.id])
        elif choice in entries:
            _do(lambda: _at_once(runtime, one, choice, actions))

    st.menu_button(
        "", list(entries), format_func=entries.__getitem__, key=key, type="tertiary",
        icon=":material/more_horiz:", on_click=chosen,
    )  # fmt: skip


def _at_once(runtime: Runtime, one: ListedThread, choice: str, actions: Sequence[Action]) -> None:
    if choice == "pin":
        runtime.thread_list.pin([one.id], session.owner(), pinned=not one.pinned)
    elif choice == "archive" and one.archived:
        runtime.thread_list.restore([one.id], session.owner())
    elif choice == "archive":
        runtime.thread_list.archive([one.id], session.owner())
        st.toast(f"Archived: {short(one.title)}", icon=":material/archive:")
    else:
        actions[int(choice.removeprefix("action_"))].run(one.id)


def _do(action: Callable[[], object]) -> None:
    try:
        action()
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _more() -> None:
    st.session_state[_SHOWN] = st.session_state.get(_SHOWN, SHOWN) + _MORE
