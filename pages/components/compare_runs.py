"""The runs of one comparison: their ids in the URL, and what is known of each. Draws nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound
from core.events import Event
from core.ids import is_id
from core.transcript import AnswerSummary, Transcript, summarise
from pages.components import session
from pages.components.choices import agent_options
from pages.components.compare_setup import LETTERS, MOST, Choice

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime


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


def question(runtime: Runtime, columns: list[Column]) -> str:
    """What was asked, from the first column that still knows it."""
    for column in columns:
        if column.run is not None:
            return column.run.request.text
        if column.thread_id:
            first = runtime.threads.messages(column.thread_id, session.OWNER, limit=1, before=1)
            return first[0].text if first else ""
    return ""


def title(runtime: Runtime, column: Column) -> str:
    """The model a column was asked to use."""
    model = column.choice.model
    return runtime.catalog.display_name(model) if model else "Automatic"


def agent_label(column: Column) -> str:
    """The agent or graph a column was asked to use."""
    return agent_options().get(column.choice.agent, column.choice.agent)


def short_titles(runtime: Runtime, columns: list[Column]) -> list[str]:
    """What tells the columns apart, for table and chart: the model, the agent, or both."""
    models = [title(runtime, column) for column in columns]
    agents = [agent_label(column) for column in columns]
    if len(set(models)) == 1:
        return agents
    return [
        model if models.count(model) == 1 else f"{model}, {agent}"
        for model, agent in zip(models, agents, strict=True)
    ]
