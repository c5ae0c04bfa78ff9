"""The list a question asks for, whole: the steps of a "how do I", the members of a "which".

Chosen before single sentences are: a procedure with a step left out is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from agents.local.choose import Chosen
from agents.local.expand import LONG_TABLE_WORDS, WHOLE_LIST_ITEMS, dangles, lead_of
from agents.local.match import SAME_QUESTION, likeness
from agents.local.question import Question
from agents.local.rank import Scored
from agents.local.sentences import Section, Unit
from agents.local.weights import IN_HEADING, IN_TITLE, Weights, merge

ANNOUNCED = 0.5
"""Share of the question that heading, title and lead-in of a list must cover."""
CLOSE_TO_BEST = 0.85
GOOD_LIST = 0.52
"""From here a list is taken even if some single sentence scores higher."""


def whole_list(
    question: Question, weights: Weights, scored: Sequence[Scored]
) -> list[Chosen] | None:
    """The list that answers, with its lead-in and what introduces it; None when there is none."""
    if not question.whole:
        return None
    best: tuple[float, Section, list[Scored]] | None = None
    asked_here = {s.section.index: likeness(question, s.section) for s in scored}
    same = {index for index, alike in asked_here.items() if alike >= SAME_QUESTION}
    for section, items in _lists(question, scored):
        if same and section.index not in same:
            continue
        value = _announced(question, weights, section, items) + 0.3 * asked_here[section.index]
        if value >= ANNOUNCED and (best is None or value > best[0]):
            best = (value, section, items)
    if best is None:
        return None
    _, section, items = best
    if earlier := _earlier(question, scored, section, items):
        section, items = earlier[0].section, earlier
    top = max(scored, key=lambda s: s.score)
    mine = max((s for s in scored if s.section is section), key=lambda s: s.score)
    if mine.score < CLOSE_TO_BEST * top.score and best[0] < GOOD_LIST:
        return None
    places = tuple(_with_context(section, items, least=0.75 * mine.score, scored=scored))
    return [Chosen(section=section, places=places), *_rest(question, scored, section, items)]


def _lists(question: Question, scored: Sequence[Scored]) -> Iterator[tuple[Section, list[Scored]]]:
    wanted = ("step",) if question.kind == "howto" else ("item", "step", "table")
    for _, group in groupby(scored, key=lambda s: (s.section.index, s.unit.block)):
        units = list(group)
        long_enough = len(units) > 1 or units[0].unit.kind == "table"
        if units[0].unit.kind == "table" and len(units[0].unit.text.split()) > LONG_TABLE_WORDS:
            continue
        if units[0].unit.kind in wanted and long_enough and len(units) <= 2 * WHOLE_LIST_ITEMS:
            yield units[0].section, units


def _announced(
    question: Question, weights: Weights, section: Section, items: Sequence[Scored]
) -> float:
    lead = lead_of(section.units, items[0].place)
    held = merge(
        weights.held(section.head_stems, IN_HEADING),
        weights.held(section.title_stems, IN_TITLE),
        weights.held(section.units[lead].stems) if lead is not None else {},
    )
    inside = merge(*(item.held for item in items))
    asked = [term.stem for term in question.terms[:2]]
    if question.kind == "list":  # what is listed must be announced as such
        if max((held.get(word, 0.0) for word in asked), default=0.0) < 0.7:
            return 0.0
        return weights.share(merge(held, {w: f * 0.3 for w, f in inside.items()}))
    announced = weights.share(held)
    if announced < ANNOUNCED:
        return 0.0
    focus = sum(s in weights.factors for s in section.head_stems) / max(1, len(section.head_stems))
    late = 0.25 if first_number(items[0].unit) > 1 else 0.0
    together = weights.share(merge(held, {w: f * 0.8 for w, f in inside.items()}))
    return (0.6 * announced + 0.4 * together) * (0.8 + 0.2 * focus) - late


def first_number(unit: Unit) -> int:
    """The number of a step; 0 for anything else."""
    return int(unit.marker[:-1]) if unit.kind == "step" else 0


def _with_context(
    section: Section, items: Sequence[Scored], *, least: float, scored: Sequence[Scored]
) -> list[int]:
    """The list, its lead-in, and a sentence or two that open the section and are worth it."""
    worth = {s.place: s.score for s in scored if s.section is section}
    places = [item.place for item in items]
    lead = lead_of(section.units, places[0])
    before = [lead] if lead is not None else []
    opening = [
        place
        for place in range(min([*before, *places]))
        if section.units[place].kind == "sentence"
        and not section.units[place].pointer
        and not section.units[place].is_lead
        and worth[place] >= least
        and not dangles(section.units[place].text)
    ][:2]
    return [*opening, *before, *places]


def _rest(
    question: Question, scored: Sequence[Scored], section: Section, items: Sequence[Scored]
) -> list[Chosen]:
    """The list's continuation when the passage was cut inside it."""
    last = items[-1]
    if last.unit.kind != "step" or last.place != len(section.units) - 1:
        return []
    wanted = first_number(last.unit) + 1
    for other, units in _lists(question, scored):
        opens = units[0].place == 0 and first_number(units[0].unit) == wanted
        if opens and other is not section and other.document == section.document:
            return [Chosen(section=other, places=tuple(u.place for u in units))]
    return []


def _earlier(
    question: Question, scored: Sequence[Scored], section: Section, items: Sequence[Scored]
) -> list[Scored] | None:
    """The list this one continues, when the passage was cut inside it."""
    wanted = first_number(items[0].unit) - 1
    if wanted < 1 or items[0].place != 0:
        return None
    for other, units in _lists(question, scored):
        closes = units[-1].place == len(other.units) - 1
        same = other.document == section.document and other.trail == section.trail
        if other is not section and same and closes and first_number(units[-1].unit) == wanted:
            return units
    return None
