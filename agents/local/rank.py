"""How well a section, and each unit in it, fits a question: idf-weighted overlap, form and place."""

from __future__ import annotations

from dataclasses import dataclass

from agents.local.cues import shape
from agents.local.match import focus, likeness, phrases
from agents.local.question import Question
from agents.local.sentences import Section, Unit
from agents.local.weights import IN_HEADING, IN_TITLE, NEIGHBOUR, Weights, merge


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A unit with what it is worth for the question."""

    section: Section
    place: int
    """In the section's units."""
    unit: Unit
    score: float
    held: dict[str, float]
    """What it covers by itself."""


def section_score(question: Question, weights: Weights, section: Section) -> tuple[float, float]:
    """(score for ordering, 0..1 share of the question it covers with heading and title)."""
    body = weights.held(section.body_stems)
    head = weights.held(section.head_stems, IN_HEADING)
    title = weights.held(section.title_stems, IN_TITLE)
    covered = weights.share(merge(body, head, title))
    fit = weights.share(head) * focus(weights, section.head_stems)
    about = weights.share(title) * focus(weights, section.title_stems)
    score = covered + 0.45 * fit + 0.25 * about + 0.1 * phrases(question, section)
    score += 0.8 * likeness(question, section)
    if question.kind == "howto":
        score += 0.12 * any(unit.kind in ("step", "code") for unit in section.units)
    if question.kind == "list":
        score += 0.08 * any(unit.kind in ("item", "table", "step") for unit in section.units)
    return score, covered


def score_units(
    question: Question, weights: Weights, section: Section, standing: float
) -> list[Scored]:
    """Every unit of a section; `standing` is the section's own score and lifts all of them."""
    head = 0.35 + 0.35 * focus(weights, section.head_stems)
    title = 0.25 + 0.4 * focus(weights, section.title_stems)
    context = merge(
        weights.held(section.head_stems, IN_HEADING * head),
        weights.held(section.title_stems, IN_TITLE * title),
    )
    out: list[Scored] = []
    before: dict[str, float] = {}
    for place, unit in enumerate(section.units):
        held = weights.held(unit.stems)
        near = {word: fit * NEIGHBOUR for word, fit in before.items()}
        share = weights.share(merge(held, context, near))
        score = share + 0.25 * standing + shape(question, weights, section, place, held)
        out.append(Scored(section=section, place=place, unit=unit, score=score, held=held))
        before = held
    return out
