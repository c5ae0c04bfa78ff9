"""A turn of a comparison on the page: one column per run, each following its own run.

Columns are parallel fragments: a slow one delays nobody. The page owns nothing; leaving it stops
nothing, and whoever opens the same URL sees the same columns. While it is hidden who answers, a
column shows its text and what it cites and nothing else.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import full_label
from core.errors import NotFound, SwitchboardError
from core.pricing import format_usd
from core.transcript import AnswerSummary, Transcript, summarise
from pages.components import compare_race, session, who
from pages.components.answer import (
    show_question,
    show_run_link,
    show_sources,
    show_summary,
    waiting_line,
)
from pages.components.compare_runs import Column
from pages.components.configuration_choosers import COLUMN_WIDTH, PER_ROW
from pages.components.format import duration, speed
from pages.components.markdown import escape, safe
from pages.components.stream import attach

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.comparing.values import Comparison, Turn
    from agents.run import Run
    from agents.runtime import Runtime

_SHOWN = "_compare_shown"
WAIT_S = 0.1
SPEED_AFTER_S = 0.3
"""A speed measured over less than this says nothing."""
FAILED_UNSEEN = "This answer failed. Why is shown with who it was, after the vote."


def fresh_place(key: str) -> DeltaGenerator:
    """Where the columns are drawn: the same place for the same turn, else the other of two.

    A container that is drawn again keeps what it held until the script ends, so an earlier answer
    would stand under a new question. The place not in use is empty.
    """
    before, turn = st.session_state.get(_SHOWN, ("", 0))
    if key != before:
        turn = 1 - turn
    st.session_state[_SHOWN] = (key, turn)
    places = [st.container() if n == turn else st.empty() for n in (0, 1)]
    place: DeltaGenerator = places[turn]
    return place


def show_turn(
    runtime: Runtime, comparison: Comparison, turn: Turn, columns: list[Column], *, last: bool
) -> None:
    """Draws question and columns, lets each follow its run, and returns when all have ended."""
    pending = [column for column in columns if column.live]
    waiting = comparison.together and bool(pending)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_question(runtime.comparisons.question(comparison, turn))
        stop_all = st.empty()
    if len(pending) > 1:
        _stop_button(stop_all, runtime, [c.run_id for c in pending if c.run_id], "Stop all")
    race = st.empty()
    if not waiting:
        compare_race.show(race, runtime, columns)
    slots: dict[str, tuple[DeltaGenerator, DeltaGenerator]] = {}
    with st.grid(PER_ROW[len(columns)], min_column_width=COLUMN_WIDTH, border=True) as grid:
        for column in columns:
            with grid.cell():
                stop_one = _show_head(runtime, column)
                if waiting:
                    st.markdown(":shimmer[Answers appear when all have ended…]")
                else:
                    show_body(runtime, column)
                foot = st.empty()
                if column not in pending:
                    _show_ways_on(foot, runtime, comparison, column, last=last)
                slots[column.key] = stop_one, foot
    next_race = time.monotonic() + compare_race.EVERY_S
    while pending:
        time.sleep(WAIT_S)
        st.session_state.get("_")  # a yield point: Stop and navigation are served here
        who.rerun_if_changed(runtime)
        for column in [c for c in pending if not c.live]:
            pending.remove(column)
            stop_one, foot = slots[column.key]
            stop_one.empty()
            if not comparison.together:
                _show_ways_on(foot, runtime, comparison, column, last=last)
        if not waiting and time.monotonic() >= next_race:
            compare_race.show(race, runtime, columns)
            next_race = time.monotonic() + compare_race.EVERY_S
    stop_all.empty()
    if waiting:
        st.rerun()
    compare_race.show(race, runtime, columns)


def _show_head(runtime: Runtime, column: Column) -> DeltaGenerator:
    """Who answers here, and the place of its Stop.

    Stop stands outside the fragment: a click inside one would wait until all columns have ended.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if column.hidden:
            st.markdown(f"**{column.letter}**", width="stretch")
        else:
            details = full_label(column.configuration, runtime.catalog.display_name)
            rest = beyond(column.label, details)
            name = f"**{column.letter} · {escape(column.label)}**"
            st.markdown(
                f"{name}  \n:small[:gray[{escape(rest)}]]" if rest else name, width="stretch"
            )
        slot = st.empty()
    if column.live and column.run_id:
        _stop_button(slot, runtime, [column.run_id], "Stop")
    return slot


def beyond(label: str, details: str) -> str:
    """What the details say that the name of a column does not say already."""
    return "" if details == label else details.removeprefix(f"{label}, ")


def _stop_button(slot: DeltaGenerator, runtime: Runtime, ids: list[str], label: str) -> None:
    slot.button(
        label,
        key="stop_all" if len(ids) > 1 else f"stop_{ids[0]}",
        icon=":material/stop_circle:",
        type="tertiary",
        on_click=stop,
        args=(runtime, ids),
    )


def _show_ways_on(
    slot: DeltaGenerator, runtime: Runtime, comparison: Comparison, column: Column, *, last: bool
) -> None:
    """Ask again while nobody has voted; into the chat once it is known who answers."""
    voted = comparison.vote_of(comparison.turns[-1].number) is not None
    with slot.container(horizontal=True):
        if last and not voted:
            st.button(
                "Ask again", key=f"retry_{column.key}", icon=":material/refresh:", type="tertiary",
                on_click=retry, args=(runtime, comparison, column.position),
            )  # fmt: skip
        # A button and not a link: the chat is made by the click.
        if last and not column.hidden and column.there and st.button(
            "Continue as chat", key=f"continue_{column.key}", icon=":material/forum:",
            type="tertiary",
        ):  # fmt: skip
            _continue(runtime, comparison, column.position)


def _continue(runtime: Runtime, comparison: Comparison, position: int) -> None:
    try:
        thread_id = runtime.comparisons.continue_as_chat(comparison, position)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        st.rerun()
    # Not in a callback: Streamlit ignores a change of page there.
    st.switch_page("pages/chat.py", query_params={"thread": thread_id})


@st.fragment(parallel=True)
def show_body(runtime: Runtime, column: Column) -> None:
    """The answer of one column, live until its run ends."""
    # Always these three, so that nothing of an earlier comparison stays in a place not yet filled.
    status, answer, facts = st.empty(), st.empty(), st.empty()
    if not column.there:
        status.markdown(_small("This answer could not be started, or was deleted."))
        return
    if column.live:
        assert column.run is not None
        text, summary = _follow(runtime, column, column.run, status, answer)
    else:
        text, summary = column.outcome()
        if text:
            answer.markdown(safe(text))
    if column.hidden:
        status.markdown(_small(hidden_line(summary)))
        with facts.container():
            show_sources(text, summary, cited_only=True)
        return
    status.markdown(_small(final_line(summary)))
    with facts.container():
        show_summary(text, summary, runtime.catalog, column.key)
        show_run_link(str(column.run_id))


def _follow(
    runtime: Runtime, column: Column, run: Run, status: DeltaGenerator, answer: DeltaGenerator
) -> tuple[str, AnswerSummary]:
    def on_status(transcript: Transcript, elapsed_s: float) -> None:
        if column.hidden:
            status.markdown(unseen_line(transcript, elapsed_s))
        else:
            status.markdown(live_line(transcript, elapsed_s, _chars_per_token(runtime, transcript)))

    transcript = attach(runtime, run, answer, on_status, ticking=True)
    return transcript.text, summarise(transcript)


def _chars_per_token(runtime: Runtime, transcript: Transcript) -> float:
    model = next((attempt.model for attempt in reversed(transcript.attempts.values())), "")
    return runtime.models.chars_per_token(model)


def unseen_line(transcript: Transcript, elapsed_s: float) -> str:
    """What may be known of an answer under way before the vote: a place in the queue names nobody."""
    if transcript.queued:
        return waiting_line(transcript, elapsed_s)
    return f":shimmer[Answering…] :gray[{elapsed_s:.0f} s]"


def live_line(transcript: Transcript, elapsed_s: float, chars_per_token: float) -> str:
    """What is happening, or how fast the text comes, counted as if the run were stopped now."""
    if transcript.ttft_us is None:
        return waiting_line(transcript, elapsed_s)
    parts = [f"first token {duration(transcript.ttft_us)}"]
    writing_s = elapsed_s - transcript.ttft_us / 1e6
    written = transcript.being_written(chars_per_token)
    if writing_s >= SPEED_AFTER_S and written > 1:
        parts.append(f"≈ {(written - 1) / writing_s:,.0f} tokens/s")
    parts.append(f"≈ {transcript.output_so_far(chars_per_token):,} tokens")
    parts.append(f"{elapsed_s:.1f} s")
    costs = [usage.cost_pusd for usage in transcript.usages.values() if usage.cost_pusd]
    if costs:
        parts.append(f"{_usd(sum(costs))} so far")
    return _small(_line(parts))


def final_line(summary: AnswerSummary) -> str:
    """The same for an ended run, in the same place, so that columns can be read across."""
    parts = []
    if summary.ttft_us is not None:
        parts.append(f"first token {duration(summary.ttft_us)}")
    if summary.tokens_per_s is not None:
        parts.append(speed(summary.tokens_per_s))
    if summary.output_tokens is not None:
        about = "≈ " if summary.usage_estimated else ""
        parts.append(f"{about}{summary.output_tokens:,} tokens")
    parts.append(f"total {duration(summary.duration_us)}")
    if summary.cost_pusd is not None:
        parts.append(_usd(summary.cost_pusd))
    return _line(parts)


def hidden_line(summary: AnswerSummary) -> str:
    """What may be known of an ended answer before the vote."""
    if summary.status == "completed":
        return "Complete"
    return "Stopped" if summary.status == "cancelled" else FAILED_UNSEEN


def _line(parts: list[str]) -> str:
    line = " · ".join(parts)
    return f"{line[:1].upper()}{line[1:]}"


def _small(line: str) -> str:
    return f":small[{line}]"


def _usd(pusd: int) -> str:
    return format_usd(pusd).replace("$", "\\$")


def stop(runtime: Runtime, ids: list[str]) -> None:
    """The callback of Stop and Stop all."""
    for run_id in ids:
        with contextlib.suppress(NotFound):  # it ended between the click and here
            runtime.runs.cancel(run_id)


def retry(runtime: Runtime, comparison: Comparison, position: int) -> None:
    """The callback of Ask again."""
    try:
        runtime.limits.request(session.principal())
        runtime.comparisons.retry(comparison, position)
    except SwitchboardError as exc:
        session.keep_notice(exc)
