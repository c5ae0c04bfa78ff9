"""What an evaluation has found, ready to be drawn; kept until something has changed. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import short_labels

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.evaluation.results import Results
    from agents.evaluation.values import Cell, Evaluation
    from agents.runtime import Runtime
    from analytics.ranking.decision import Decision, Standing

Stamp = tuple[str, str, int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """Results of one evaluation with the names of its configurations."""

    results: Results
    labels: tuple[str, ...]
    """Of the configurations, in their order, as short as tells them apart. Plain text."""
    cells: Mapping[tuple[int, int], Sequence[Cell]]
    """By case number and configuration, in the order of repeats."""

    @property
    def evaluation(self) -> Evaluation:
        return self.results.evaluation

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.evaluation.plan.configurations]

    def of(self, case_number: int, configuration: int) -> Sequence[Cell]:
        return self.cells.get((case_number, configuration), ())


def stamp(one: Evaluation) -> Stamp:
    """Equal as long as an evaluation has found nothing new."""
    now = one.progress
    return one.id, one.status, now.done, now.failed, now.judged, now.spent_pusd


def load(runtime: Runtime, evaluation: Evaluation) -> Loaded:
    """Raises StorageError."""
    return _loaded(stamp(evaluation), runtime.catalog.version, runtime, evaluation)


def standings(loaded: Loaded) -> list[Standing]:
    """Where each configuration stands by itself, in their order."""
    from analytics.ranking.decision import decide_by_passes

    found: list[Standing] = []
    for n, key in enumerate(loaded.keys):
        alone = decide_by_passes(loaded.results.answered(n), keys=[key], names={key: key})
        found += alone.standings
    return found


def decide(loaded: Loaded) -> Decision:
    """All configurations against each other. Takes seconds for thousands of answers: kept."""
    return _decided(stamp(loaded.evaluation), loaded.labels, loaded)


def failures(loaded: Loaded, configuration: int) -> int:
    """Answers that did not come about."""
    return sum(
        one.status == "failed"
        for (_, n), several in loaded.cells.items()
        if n == configuration
        for one in several
    )


def undecided(loaded: Loaded, configuration: int) -> int:
    """Answers whose checks cannot all be decided: of none a judge is still to speak."""
    return sum(
        one.status == "done" and one.passed is None and one.place not in loaded.results.waiting
        for (_, n), several in loaded.cells.items()
        if n == configuration
        for one in several
    )


@st.cache_resource(max_entries=8, ttl=900, show_spinner=False)
def _loaded(at: Stamp, catalog: str, _runtime: Runtime, _evaluation: Evaluation) -> Loaded:
    results = _runtime.evaluations.results(_evaluation)
    cells: dict[tuple[int, int], list[Cell]] = defaultdict(list)
    for cell in results.cells:
        cells[cell.case_number, cell.configuration].append(cell)
    for several in cells.values():
        several.sort(key=lambda cell: cell.repeat)
    labels = short_labels(_evaluation.plan.configurations, _runtime.catalog.display_name)
    return Loaded(results=results, labels=tuple(labels), cells=dict(cells))


@st.cache_resource(max_entries=16, ttl=900, show_spinner=False)
def _decided(at: Stamp, labels: tuple[str, ...], _loaded: Loaded) -> Decision:
    from analytics.ranking.decision import decide_by_passes

    answers = [one for n in range(len(labels)) for one in _loaded.results.answered(n)]
    names = dict(zip(_loaded.keys, labels, strict=True))
    return decide_by_passes(answers, keys=_loaded.keys, names=names)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def cases_of_set(set_id: str, _runtime: Runtime) -> tuple[Case, ...]:
    """A set never changes. Raises NotFound."""
    return _runtime.evaluations.sets.cases(set_id)


def pass_rates(loaded: Loaded) -> list[tuple[int, int]]:
    """(passed, counted) of each configuration; what failed or cannot be decided did not pass."""
    counted = [
        [one.passed for one in loaded.results.answered(n) if one.passed is not None]
        for n in range(len(loaded.labels))
    ]
    return [(sum(passed), len(passed)) for passed in counted]
