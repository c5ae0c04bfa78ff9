"""Rows of threads that can be picked, and what can be done with all that are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

import streamlit as st

from agents.thread_list import MAX_TAG, ListedThread
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape
from pages.components.sidebar import Action, show_menu
from pages.components.thread_dialogs import open_dialog, open_hit
from pages.components.thread_words import (
    STATE_WORDS,
    WHERE_WORDS,
    mark,
    short,
    snippet_markdown,
    when,
)

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.thread_search import Hit

_TITLE_CHARS = 110
_NEW_TAG = "bulk_tag"


def show_rows(
    runtime: Runtime,
    rows: Sequence[ListedThread | Hit],
    zone: tzinfo,
    actions: Sequence[Action] = (),
) -> None:
    with st.container(gap="xxsmall", key="thread_rows"):
        for row in rows:
            one, hit = (row, None) if isinstance(row, ListedThread) else (row.thread, row)
            with st.container(
                horizontal=True, vertical_alignment="top", gap="small", key=f"thread_row_{one.id}"
            ):
                st.checkbox(
                    f"Pick {short(one.title)}", key=_pick(one.id), label_visibility="collapsed"
                )
                with st.container(gap=None, width="stretch"):
                    _title(runtime, one, hit)
                    st.caption(_facts(one, hit, zone))
                show_menu(runtime, one, actions)


def show_bulk(
    runtime: Runtime, shown: Sequence[ListedThread], actions: Sequence[Action] = ()
) -> None:
    """`actions` here get all picked ids, joined by commas."""
    ids = [one.id for one in shown]
    picked = [one for one in ids if st.session_state.get(_pick(one))]
    with st.container(
        horizontal=True, vertical_alignment="center", key="threads_bulk", gap="small"
    ):
        everything = bool(ids) and len(picked) == len(ids)
        st.button(
            "Pick none" if everything else "Pick all shown", key="pick_all", type="tertiary",
            icon=":material/deselect:" if everything else ":material/select_all:",
            on_click=_pick_all, args=(ids, not everything), disabled=not ids,
        )  # fmt: skip
        if not picked:
            return
        st.markdown(f"**{len(picked):,}** picked", width="content")
        if all(one.archived for one in shown):
            _button(runtime, "Restore", ":material/unarchive:", runtime.thread_list.restore, picked)
        else:
            _button(runtime, "Archive", ":material/archive:", runtime.thread_list.archive, picked)
        with st.popover("Tag", icon=":material/sell:", key="bulk_tags"):
            _tag_fields(runtime, picked)
        for action in actions:
            st.button(
                action.label, icon=action.icon, key=f"bulk_{action.label}", on_click=action.run,
                args=(",".join(picked),),
            )  # fmt: skip
        st.button(
            "Export", icon=":material/download:", key="bulk_export", on_click=open_dialog,
            args=("export", picked),
        )  # fmt: skip
        st.button(
            "Delete", icon=":material/delete:", key="bulk_delete", on_click=open_dialog,
            args=("delete", picked),
        )  # fmt: skip


def _title(runtime: Runtime, one: ListedThread, hit: Hit | None) -> None:
    shown = " ".join(
        part
        for part in (
            mark(one.state),
            ":material/keep:" if one.pinned else "",
            f"**{short(one.title, _TITLE_CHARS)}**",
        )
        if part
    )
    if st.button(shown, key=f"open_{one.id}", type="tertiary", wrap=False):
        if hit is not None:
            open_hit(runtime, hit)
        st.switch_page("pages/chat.py", query_params={"thread": one.id})


def _facts(one: ListedThread, hit: Hit | None, zone: tzinfo) -> str:
    parts = [when(one.updated_at_us, zone)]
    if one.state != "idle":
        parts.append(STATE_WORDS[one.state])
    parts += [f":gray-badge[{escape(tag)}]" for tag in one.tags]
    line = " · ".join(parts[:2] if one.state != "idle" else parts[:1])
    tags = " ".join(parts[2:] if one.state != "idle" else parts[1:])
    line = f"{line} {tags}" if tags else line
    if hit is not None and hit.where != "title":
        where = WHERE_WORDS[hit.where]
        line += "  \n" + (f"{where}: " if where else "") + snippet_markdown(hit.snippet)
    return line


def _tag_fields(runtime: Runtime, picked: Sequence[str]) -> None:
    known = list(runtime.thread_list.tags(session.owner()))
    tags = st.multiselect(
        "Tags", known, accept_new_options=True, key=_NEW_TAG,
        placeholder="Choose or type", help=f"At most {MAX_TAG} characters each.",
    )  # fmt: skip
    with st.container(horizontal=True):
        for label, change in (
            ("Add", runtime.thread_list.add_tags),
            ("Remove", runtime.thread_list.remove_tags),
        ):
            st.button(
                label, key=f"bulk_tags_{label}", disabled=not tags, on_click=_tagged,
                args=(change, picked, tags),
            )  # fmt: skip


def _tagged(
    change: Callable[[Iterable[str], str, Iterable[str]], int],
    picked: Sequence[str],
    tags: Sequence[str],
) -> None:
    _do(lambda: change(picked, session.owner(), tags), picked)


def _button(
    runtime: Runtime,
    label: str,
    icon: str,
    change: Callable[[Iterable[str], str], int],
    picked: Sequence[str],
) -> None:
    st.button(
        label, icon=icon, key=f"bulk_{label}",
        on_click=lambda: _do(lambda: change(picked, session.owner()), picked),
    )  # fmt: skip


def _do(change: Callable[[], int], picked: Sequence[str]) -> None:
    try:
        changed = change()
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    _pick_all(picked, False)
    st.toast(f"Done for {changed:,} thread{'s' if changed != 1 else ''}", icon=":material/check:")


def _pick_all(ids: Sequence[str], value: bool) -> None:
    for one in ids:
        st.session_state[_pick(one)] = value


def _pick(thread_id: str) -> str:
    return f"pick_{thread_id}"
