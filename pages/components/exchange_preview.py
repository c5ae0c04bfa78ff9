"""What a file would bring in: figures, a table of its chats, and what is wrong with some of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agents.exchange.reading import TITLES
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Collection

    from agents.exchange.desk import Exchange
    from agents.exchange.preview import Preview

_STATES = {"new": "New", "known": "There already", "broken": "Cannot be read"}
_ROW_PX, _MOST_HIGH = 35, 12


def show_preview(exchange: Exchange, name: str, found: Preview) -> None:
    """Draws it, with the buttons to go on."""
    forms = ", ".join(TITLES[form] for form in found.forms)
    st.markdown(f"**{escape(name)}**" + (f" · {escape(forms)}" if forms else ""))
    _show_figures(found)
    if found.owners > 1:
        st.warning(
            f"The file holds chats of {found.owners:,} people. All of them would become yours.",
            icon=":material/group:",
        )
    if found.broken or found.mended:
        _show_problems(found)
    selected = _show_table(found) if found.rows else []
    _show_buttons(exchange, found, selected)


def _show_figures(found: Preview) -> None:
    figures = {
        "New": found.new, "There already": found.known, "Cannot be read": found.broken,
        "Messages": found.messages,
    }  # fmt: skip
    with st.grid(4, min_column_width=130):
        for label, value in figures.items():
            st.metric(label, f"{value:,}", border=True)
    if found.since_us is not None:
        st.caption(f"The new ones are from {_day(found.since_us)} to {_day(found.until_us)}.")


def _show_problems(found: Preview) -> None:
    lost = "1 chat" if found.broken == 1 else f"{found.broken:,} chats"
    words = [f"{lost} cannot be read and would be left out"] if found.broken else []
    if found.mended:
        words.append(f"{found.mended:,} would come in with a remark")
    show = st.warning if found.broken else st.info
    show(f"{'; '.join(words)}.", icon=":material/warning:" if found.broken else ":material/info:")
    with st.expander("What is wrong", expanded=bool(found.broken)):
        _frame(
            {
                "Place": [one.number for one in found.problems],
                "Chat": [one.title for one in found.problems],
                "What": [one.what for one in found.problems],
                "So": ["left out" if one.lost else "comes in" for one in found.problems],
            },
            alt="What is wrong in the file, by place",
            key="exchange_problems",
        )


def _show_table(found: Preview) -> list[int]:
    """Draws the chats; gives the places in the file of those that were chosen."""
    rows = found.rows
    if found.new > 1:
        st.caption("Choose rows to import only those.")
    event = _frame(
        {
            "Chat": [one.title or f"Place {one.number}" for one in rows],
            "State": [_STATES[one.state] for one in rows],
            "Messages": [one.messages or None for one in rows],
            "Versions": [one.versions or None for one in rows],
            "Begun": [_day(one.created_at_us) for one in rows],
            "Last": [_day(one.updated_at_us) for one in rows],
        },
        alt="The chats of the file",
        key="exchange_rows",
        choose=True,
    )
    total = found.new + found.known + found.broken
    if total > len(rows):
        st.caption(f"The first {len(rows):,} of {total:,}.")
    return [
        rows[place].number for place in event if place < len(rows) and rows[place].state == "new"
    ]


def _show_buttons(exchange: Exchange, found: Preview, selected: Collection[int]) -> None:
    if selected:
        label = (
            f"Import the {len(selected):,} chosen" if len(selected) > 1 else "Import the chosen one"
        )
    elif not found.new:
        label = "Nothing new to import"
    elif found.broken:
        label = f"Import the {found.new:,} good ones" if found.new != 1 else "Import the good one"
    else:
        label = f"Import {found.new:,} chats" if found.new != 1 else "Import 1 chat"
    with st.container(horizontal=True):
        st.button(
            label, type="primary", icon=":material/download:", key="exchange_start",
            disabled=not found.new,
            on_click=partial(_start, exchange, frozenset(selected) if selected else None),
        )  # fmt: skip
        st.button(
            "Choose another file", key="exchange_forget", icon=":material/upload_file:",
            on_click=exchange.forget, args=(session.owner(),),
        )  # fmt: skip


def _start(exchange: Exchange, only: frozenset[int] | None) -> None:
    """A callback."""
    try:
        exchange.start_import(session.owner(), only=only)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("threads_imported")


def _frame(
    columns: dict[str, list[str] | list[int] | list[int | None]],
    *,
    alt: str,
    key: str,
    choose: bool = False,
) -> list[int]:
    """A table of plain text; gives the chosen rows."""
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    rows = len(next(iter(columns.values())))
    height = min(rows + 1, _MOST_HIGH) * _ROW_PX + 3
    wide = {
        name: st.column_config.TextColumn(name, width=width)
        for name, width in (("Chat", 260), ("What", 380))
        if name in columns
    }
    frame = pd.DataFrame(columns)
    if not choose:
        st.dataframe(frame, hide_index=True, height=height, alt=alt, key=key, column_config=wide)
        return []
    event = st.dataframe(
        frame, hide_index=True, height=height, alt=alt, key=key, column_config=wide,
        on_select="rerun", selection_mode="multi-row",
    )  # fmt: skip
    return list(event.selection.rows)


def _day(at_us: int | None) -> str:
    return "" if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d}"
