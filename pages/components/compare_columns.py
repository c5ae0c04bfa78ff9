"""A comparison on the page: one column per run, each following its own run.

Columns are parallel fragments: a slow one delays nobody. The page owns nothing; leaving it stops
nothing, and whoever opens the same URL sees the same columns.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound, SwitchboardError
from core.pricing import format_usd
from core.transcript import AnswerSummary, Transcript, summarise
from pages.components import session
from pages.components.answer import (
    show_question,
    show_run_link,
    show_summary,
    waiting_line,
)
from pages.components.compare_runs import Column, agent_label, question, title
from pages.components.compare_setup import COLUMN_WIDTH, PER_ROW
from pages.components.format import duration, speed
from pages.components.markdown import escape, safe
from pages.components.stream import attach

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.run import Run
    from agents.runtime import Runtime

_SHOWN = "_compare_shown"
WAIT_S = 0.1
SPEED_AFTER_S = 0.3
"""A speed measured over less than this says nothing."""


def fresh_place(ids: list[str]) -> DeltaGenerator:
    """Where the columns are drawn: the same place for the same comparison, else the other of two.

    A container that is drawn again keeps what it held until the script ends, so an earlier answer
    would stand under a new question. The place not in use is empty.
    """
    before, turn = st.session_state.get(_SHOWN, ([], 0))
    if ids != before:
        turn = 1 - turn
    st.session_state[_SHOWN] = (ids, turn)
    places = [st.container() if n == turn else st.empty() for n in (0, 1)]
    place: DeltaGenerator = places[turn]
    return place


def show_columns(runtime: Runtime, columns: list[Column]) -> None:
    """Draws question and columns, lets each follow its run, and returns when all have ended."""
    pending = [column for column in columns if column.live]
    with st.container(horizontal=True, vertical_alignment="center"):
        show_question(question(runtime, columns))
        stop_all = st.empty()
    if len(pending) > 1:
        _stop_button(stop_all, runtime, [column.run_id for column in pending], "Stop all")
    slots: dict[str, tuple[DeltaGenerator, DeltaGenerator]] = {}
    with st.grid(PER_ROW[max(2, len(columns))], min_column_width=COLUMN_WIDTH, border=True) as grid:
        for column in columns:
            with grid.cell():
                stop_one = _show_head(runtime, column)
                show_body(runtime, column)
                slots[column.run_id] = stop_one, _show_foot(runtime, column)
    while pending:
        time.sleep(WAIT_S)
        st.session_state.get("_")  # a yield point: Stop and navigation are served here
        for column in [c for c in pending if not c.live]:
            pending.remove(column)
            stop_one, foot = slots[column.run_id]
            stop_one.empty()
            _show_continue(foot, runtime, column)
    stop_all.empty()


def _show_head(runtime: Runtime, column: Column) -> DeltaGenerator:
    """Who answers here, and the place of its Stop.

    Stop stands outside the fragment: a click inside one would wait until all columns have ended.
    """
    agent = agent_label(column)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{column.letter} · {escape(title(runtime, column))}**  \n"
            f":small[:gray[{escape(agent) or 'Stopped before it began'}]]",
            width="stretch",
        )
        slot = st.empty()
    if column.live:
        _stop_button(slot, runtime, [column.run_id], "Stop")
    return slot


def _show_foot(runtime: Runtime, column: Column) -> DeltaGenerator:
    """The place of the way into the chat, once the run has ended."""
    slot = st.empty()
    if not column.live:
        _show_continue(slot, runtime, column)
    return slot


def _stop_button(slot: DeltaGenerator, runtime: Runtime, ids: list[str], label: str) -> None:
    slot.button(
        label,
        key="stop_all" if len(ids) > 1 else f"stop_{ids[0]}",
        icon=":material/stop_circle:",
        type="tertiary",
        on_click=stop,
        args=(runtime, ids),
    )


def _show_continue(slot: DeltaGenerator, runtime: Runtime, column: Column) -> None:
    """A button and not a link: the thread must become a chat before the chat page lists it."""
    if column.thread_id is not None and slot.button(
        "Continue as chat",
        key=f"continue_{column.run_id}",
        icon=":material/forum:",
        type="tertiary",
    ):
        try:
            runtime.threads.promote(column.thread_id, session.OWNER)
        except SwitchboardError as exc:
            session.keep_notice(exc)
        # Not in a callback: Streamlit ignores a change of page there.
        st.switch_page("pages/chat.py", query_params={"thread": column.thread_id})


@st.fragment(parallel=True)
def show_body(runtime: Runtime, column: Column) -> None:
    """The answer of one column, live until its run ends."""
    # Always these three, so that nothing of an earlier comparison stays in a place not yet filled.
    status, answer, facts = st.empty(), st.empty(), st.empty()
    if column.live:
        assert column.run is not None
        text, summary = _follow(runtime, column.run, status, answer)
    else:
        text, summary = column.outcome()
        if text:
            answer.markdown(safe(text))
    status.markdown(final_line(summary))
    with facts.container():
        show_summary(text, summary, runtime.catalog, column.run_id)
        show_run_link(column.run_id)


def _follow(
    runtime: Runtime, run: Run, status: DeltaGenerator, answer: DeltaGenerator
) -> tuple[str, AnswerSummary]:
    def on_status(transcript: Transcript, elapsed_s: float) -> None:
        status.markdown(live_line(transcript, elapsed_s))

    transcript = attach(runtime, run, answer, on_status, ticking=True)
    return transcript.text, summarise(transcript)


def live_line(transcript: Transcript, elapsed_s: float) -> str:
    """What is happening, or how fast the text comes. Tokens are counted as they arrive: about."""
    if transcript.ttft_us is None:
        return waiting_line(transcript, elapsed_s)
    parts = [f"first token {duration(transcript.ttft_us)}"]
    writing_s = elapsed_s - transcript.ttft_us / 1e6
    if writing_s >= SPEED_AFTER_S and len(transcript.pieces) > 1:
        parts.append(f"≈ {(len(transcript.pieces) - 1) / writing_s:,.0f} tokens/s")
    parts.append(f"{elapsed_s:.1f} s")
    costs = [usage.cost_pusd for usage in transcript.usages.values() if usage.cost_pusd]
    if costs:
        parts.append(f"{_usd(sum(costs))} so far")
    return _line(parts)


def final_line(summary: AnswerSummary) -> str:
    """The same for an ended run, in the same place, so that columns can be read across."""
    parts = []
    if summary.ttft_us is not None:
        parts.append(f"first token {duration(summary.ttft_us)}")
    if summary.tokens_per_s is not None:
        parts.append(speed(summary.tokens_per_s))
    parts.append(f"total {duration(summary.duration_us)}")
    if summary.cost_pusd is not None:
        parts.append(_usd(summary.cost_pusd))
    return _line(parts)


def _line(parts: list[str]) -> str:
    line = " · ".join(parts)
    return f":small[{line[:1].upper()}{line[1:]}]"


def _usd(pusd: int) -> str:
    return format_usd(pusd).replace("$", "\\$")


def stop(runtime: Runtime, ids: list[str]) -> None:
    """The callback of Stop and Stop all."""
    for run_id in ids:
        with contextlib.suppress(NotFound):  # it ended between the click and here
            runtime.runs.cancel(run_id)
