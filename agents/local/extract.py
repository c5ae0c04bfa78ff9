"""From a question and numbered passages to an answer that quotes and cites them, or says it cannot.

Three outcomes, by how much of the question's information the best evidence covers: an answer; the
closest statement, called that; or a plain no with what was searched. Pure, blocking: a long prompt
takes tens of milliseconds, so the model calls it in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.local.choose import Chosen, choose
from agents.local.compose import render, verdict
from agents.local.contrast import contrast
from agents.local.decline import closest_only, no_passages, not_held, say_more
from agents.local.procedure import whole_list
from agents.local.question import Question, read_question
from agents.local.rank import Scored, score_units, section_score
from agents.local.rows import rows
from agents.local.sentences import Section, sections
from agents.local.summary import summary
from agents.local.weights import IN_HEADING, IN_TITLE, Weights, merge, weigh
from core.events import Source

SECTIONS_READ = 8
SURE = 0.66
"""Share of the question's information from which the evidence is called an answer."""
NEAR = 0.5
"""Share from which it is shown as the closest there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    question: Question
    weights: Weights
    sections: tuple[Section, ...]
    """Best first."""
    units: tuple[Scored, ...]


def answer(text: str, sources: Sequence[Source], *, asked: str | None = None) -> str:
    """The answer as Markdown with `[n]` after each statement.

    `text` stands alone; `asked` is what the person wrote, when that leans on earlier messages.
    """
    question = read_question(text, asked)
    found = sections(sources)
    if not found:
        return no_passages(question)
    if from_files := summary(question, sources) or rows(question, sources):
        return from_files
    if not question.terms:
        return say_more(found)
    evidence = gather(question, found)
    chosen = (
        whole_list(question, evidence.weights, evidence.units)
        or contrast(question, evidence.weights, evidence.units)
        or choose(question, evidence.weights, evidence.units)
    )
    sure = confidence(evidence, chosen)
    if sure < NEAR or not chosen:
        return not_held(question, evidence.weights, evidence.sections, found)
    if sure < SURE:
        near = choose(question, evidence.weights, evidence.units, budget=45, plain=True)[:1]
        near = near or chosen[:1]
        return closest_only(question, evidence.weights, near)
    return verdict(question, chosen) + render(question, evidence.weights, chosen)


def gather(question: Question, found: Sequence[Section]) -> Evidence:
    """Ranks the sections and scores the units of the best."""
    weights = weigh(question, found)
    ranked = sorted(
        ((section_score(question, weights, section), section) for section in found),
        key=lambda pair: (-pair[0][0], pair[1].index),
    )
    top = ranked[:SECTIONS_READ]
    units = [
        scored
        for (standing, _), section in top
        for scored in score_units(question, weights, section, standing)
    ]
    return Evidence(
        question=question,
        weights=weights,
        sections=tuple(section for _, section in top),
        units=tuple(units),
    )


_FIGURE = re.compile(
    r"\d|\b(?:free|unlimited|no limit|nothing|none|one|two|three|half|once|twice|every|always|never)\b",
    re.I,
)


def confidence(evidence: Evidence, chosen: Sequence[Chosen]) -> float:
    """0..1: the share of the question's information that the chosen units cover, in their context."""
    if not chosen:
        return 0.0
    weights = evidence.weights
    covers = []
    for choice in chosen[:2]:
        section = choice.section
        head = weights.held(section.head_stems, IN_HEADING)
        title = weights.held(section.title_stems, IN_TITLE)
        said = merge(*(weights.held(section.units[p].stems) for p in choice.places))
        covers.append(merge(said, head, title))
    first = weights.share(covers[0])
    around = weights.held(chosen[0].section.body_stems, 0.55)
    if first < NEAR or _misses_the_point(evidence.question, merge(*covers, around)):
        return min(first, NEAR - 0.01)
    together = weights.share(merge(*covers, around))
    sure = 0.7 * first + 0.3 * together
    if evidence.question.kind == "amount" and not _has_figure(chosen):
        sure = min(sure, SURE - 0.01)
    return sure


def _misses_the_point(question: Question, held: dict[str, float]) -> bool:
    """Whether half of what the question names is nowhere in the answer."""
    named = [term.stem for term in question.terms if term.base >= 1]
    met = sum(held.get(word, 0.0) >= 0.5 for word in named)
    return bool(named) and met * 2 <= len(named) - (len(named) == 1) and met < len(named)


def _has_figure(chosen: Sequence[Chosen]) -> bool:
    return any(
        _FIGURE.search(choice.section.units[p].text) for choice in chosen for p in choice.places
    )
