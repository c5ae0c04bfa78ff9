"""A comparison on the page: one column per run, each following its own run.

The run ids live in the URL, so a reload or a second tab shows the same comparison. Columns are
parallel fragments: a slow one delays nobody. The page owns nothing; leaving it stops nothing.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound
from core.events import Event
from core.ids import is_id
from core.pricing import format_usd
from core.transcript import AnswerSummary, Transcript, summarise
from pages.components import session
from pages.components.answer import agent_title, show_summary, waiting_line
from pages.components.choices import agent_options
from pages.components.compare_setup import COLUMN_WIDTH, LETTERS, MOST, PER_ROW, Choice
from pages.components.format import duration
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


@dataclass(frozen=True, kw_only=True)
class Column:
    """One run of the comparison, live or from disk."""

    letter: str
    run_id: str
    thread_id: str | None
    choice: Choice
    run: Run | None
    """None when the run is only on disk."""
    transcript: Transcript
    """Of a run that has ended; empty while it runs."""

    @property
    def live(self) -> bool:
        return self.run is not None and not self.run.finished

    def outcome(self) -> tuple[str, AnswerSummary]:
        """Text and summary of an ended run. A log without an end is one of a killed process."""
        transcript = self.transcript
        if self.run is not None and transcript.status == "running":
            transcript = Transcript()
            transcript.add_all(self.run.read())
        summary = summarise(transcript)
        if summary.status == "running":
            summary = replace(summary, status="lost")
        return transcript.text, summary


def run_ids() -> list[str]:
    """The comparison in the URL: at most six ids, each once; everything else is ignored."""
    given = st.query_params.get("runs", "").split(",")
    return list(dict.fromkeys(part for part in given if is_id(part)))[:MOST]


def set_run_ids(ids: list[str]) -> None:
    st.query_params["runs"] = ",".join(ids)


def is_new(ids: list[str]) -> bool:
    """Whether the comparison is another one than in the script run before."""
    before = st.session_state.get(_SHOWN)
    st.session_state[_SHOWN] = ids
    return bool(before != ids)


def load(runtime: Runtime, ids: list[str]) -> list[Column]:
    """The columns that can be shown; runs that were deleted are left out."""
    columns: list[Column] = []
    for run_id in ids:
        with contextlib.suppress(NotFound):
            columns.append(_load_one(runtime, run_id, LETTERS[len(columns)]))
    return columns


def _load_one(runtime: Runtime, run_id: str, letter: str) -> Column:
    events = runtime.events(run_id, session.OWNER)
    run = runtime.runs.get(run_id)
    transcript = Transcript()
    if run is None or run.finished:
        transcript.add_all(events)
    origin: tuple[Choice, str | None]
    if run is not None:
        request = run.request
        origin = _choice(request.graph, request.agent, request.model), run.thread_id
    else:
        origin = _from_log(events)
    return Column(
        letter=letter,
        run_id=run_id,
        thread_id=origin[1],
        choice=origin[0],
        run=run,
        transcript=transcript,
    )


def _from_log(events: list[Event]) -> tuple[Choice, str | None]:
    for event in events[:3]:
        if event.type == "run_started":
            return _choice(event.graph, event.agent, event.model), event.thread_id
    return _choice("", None, None), None  # stopped while it waited for a free place


def _choice(graph: str, agent: str | None, model: str | None) -> Choice:
    return Choice(agent=f"{graph}/{agent}" if agent else graph, model=model or "")


def question(runtime: Runtime, columns: list[Column]) -> str | None:
    """What was asked, from the first column that still has its thread."""
    for column in columns:
        if column.run is not None:
            return column.run.request.text
        if column.thread_id:
            first = runtime.threads.messages(column.thread_id, session.OWNER, limit=1, before=1)
            return first[0].text if first else None
    return None


def title(runtime: Runtime, column: Column) -> str:
    """The model in short, for tables and charts."""
    model = column.choice.model
    return runtime.catalog.display_name(model) if model else "Automatic"


def show_columns(runtime: Runtime, columns: list[Column]) -> None:
    """Draws all columns, lets each follow its run, and returns when every run has ended."""
    slots = {}
    with st.grid(PER_ROW[max(2, len(columns))], min_column_width=COLUMN_WIDTH, border=True) as grid:
        for column in columns:
            with grid.cell():
                slots[column.run_id] = _show_head(runtime, column)
                show_body(runtime, column)
    pending = [column for column in columns if column.live]
    while pending:
        time.sleep(WAIT_S)
        st.session_state.get("_")  # a yield point: Stop and navigation are served here
        for column in [c for c in pending if not c.live]:
            pending.remove(column)
            _show_link(slots[column.run_id], column)


def _show_head(runtime: Runtime, column: Column) -> DeltaGenerator:
    """Who answers here; beside it Stop, which becomes the way into the chat.

    Stop stands outside the fragment: a click inside one would wait until all columns have ended.
    """
    agent = agent_options().get(column.choice.agent, column.choice.agent)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{column.letter} · {escape(title(runtime, column))}**", width="stretch")
        slot = st.empty()
    st.caption(escape(agent) or "Stopped before it began")
    if column.live:
        slot.button(
            "Stop", key=f"stop_{column.run_id}", icon=":material/stop_circle:",
            on_click=stop, args=(runtime, [column.run_id]),
        )  # fmt: skip
    else:
        _show_link(slot, column)
    return slot


def _show_link(slot: DeltaGenerator, column: Column) -> None:
    if column.thread_id is None:
        slot.empty()
        return
    slot.page_link(
        "pages/chat.py", label="Continue as chat", icon=":material/forum:",
        query_params={"thread": column.thread_id},
    )  # fmt: skip


@st.fragment(parallel=True)
def show_body(runtime: Runtime, column: Column) -> None:
    """The answer of one column, live until its run ends."""
    # Always these three, so that nothing of an earlier comparison stays in a place not yet filled.
    status, answer, facts = st.empty(), st.empty(), st.empty()
    if column.live:
        assert column.run is not None
        text, summary = _follow(runtime, column.run, status, answer)
        status.empty()
    else:
        text, summary = column.outcome()
        answer.markdown(safe(text))
    with facts.container():
        show_summary(text, summary, runtime.catalog, column.run_id)


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
        parts.append(format_usd(sum(costs)).replace("$", "\\$") + " so far")
    name = f"{escape(agent_title(transcript.agent))}: " if transcript.agent else ""
    return f":gray[:small[{name}{' · '.join(parts)}]]"


def stop(runtime: Runtime, ids: list[str]) -> None:
    """The callback of Stop and Stop all."""
    for run_id in ids:
        with contextlib.suppress(NotFound):  # it ended between the click and here
            runtime.runs.cancel(run_id)
