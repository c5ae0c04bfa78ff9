"""Earlier comparisons: open one again, or delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import short_labels
from core.errors import SwitchboardError
from pages.components import compare_runs, session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.comparing.values import Comparison
    from agents.runtime import Runtime

GONE = "Its threads were deleted"


def show_recent(runtime: Runtime, open_id: str | None) -> None:
    """A popover with the newest comparisons."""
    found = runtime.comparisons.store.recent(session.owner())
    if not found:
        return
    titles = runtime.comparisons.store.titles([one.id for one in found])
    with st.popover("Earlier comparisons", icon=":material/history:", type="tertiary"):
        for one in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                here = ":material/chevron_right: " if one.id == open_id else ""
                st.button(
                    f"{here}{escape(titles.get(one.id, GONE))}", key=f"recent_{one.id}",
                    type="tertiary", width="stretch", help=_who(runtime, one),
                    on_click=compare_runs.show, args=(one.id,),
                )  # fmt: skip
                st.button(
                    "", key=f"recent_delete_{one.id}", type="tertiary",
                    icon=":material/delete:", help="Delete with its threads; votes are kept",
                    on_click=_delete, args=(runtime, one, open_id),
                )  # fmt: skip


def _who(runtime: Runtime, one: Comparison) -> str:
    if one.hidden:
        return f"Blind, {len(one.arms)} columns, no vote yet"
    labels = short_labels([arm.configuration for arm in one.arms], runtime.catalog.display_name)
    return " · ".join(escape(label) for label in labels)


def _delete(runtime: Runtime, one: Comparison, open_id: str | None) -> None:
    try:
        runtime.comparisons.delete(one)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    if one.id == open_id:
        compare_runs.show(None)
