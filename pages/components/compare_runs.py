"""The comparison on the page: its id in the URL, and its columns as they stand now. Draws nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import short_labels
from agents.comparing.values import Comparison, Turn
from core.comparison import Configuration
from core.errors import NotFound
from core.transcript import AnswerSummary, Transcript, summarise
from pages.components import session

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime

_ID = "c"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One answer of one turn, live or from disk."""

    position: int
    letter: str
    run_id: str | None
    """None: the run could not be started."""
    configuration: Configuration
    label: str
    """What tells it from the other columns; empty while it is hidden who answers."""
    run: Run | None
    """None when the run is only on disk."""
    transcript: Transcript
    """Of a run that has ended; empty while it runs."""
    there: bool
    """False: its log was deleted."""

    @property
    def key(self) -> str:
        """Stable among the widgets of the page."""
        return self.run_id or f"none-{self.position}"

    @property
    def hidden(self) -> bool:
        return not self.label

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


def shown(runtime: Runtime) -> Comparison | None:
    """The comparison in the URL, if it is there."""
    try:
        return runtime.comparisons.store.get(st.query_params.get(_ID), session.owner())
    except NotFound:
        return None


def missing() -> bool:
    """Whether the URL names a comparison at all: asked when `shown` gave none."""
    return bool(st.query_params.get(_ID))


def show(comparison_id: str | None) -> None:
    """Sets the URL."""
    if comparison_id is None:
        st.query_params.pop(_ID, None)
    else:
        st.query_params[_ID] = comparison_id


def load(runtime: Runtime, comparison: Comparison, turn: Turn) -> list[Column]:
    """The columns of a turn, in the order in which they are shown."""
    labels = short_labels(
        [one.configuration for one in comparison.arms], runtime.catalog.display_name
    )
    columns = []
    for arm, answer, label in zip(comparison.arms, turn.answers, labels, strict=True):
        run = runtime.runs.get(answer.run_id) if answer.run_id else None
        transcript, there = Transcript(), run is not None
        if answer.run_id and (run is None or run.finished):
            with contextlib.suppress(NotFound):
                transcript.add_all(runtime.events(answer.run_id, session.owner()))
                there = True
        columns.append(
            Column(
                position=arm.position,
                letter=arm.letter,
                run_id=answer.run_id,
                configuration=arm.configuration,
                label="" if comparison.hidden else label,
                run=run,
                transcript=transcript,
                there=there,
            )
        )
    return columns
