"""Which units make the answer: the best one, what it needs to be understood, and what adds to it.

Greedy choice with a penalty for saying the same twice (maximal marginal relevance), under a budget of
words that depends on the kind of question. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.local.expand import Place, elaboration, needed, word_count
from agents.local.question import Kind, Question
from agents.local.rank import Scored
from agents.local.sentences import Section, Unit
from agents.local.weights import Weights, merge

BUDGET_WORDS: dict[Kind, int] = {
    "define": 95, "howto": 190, "list": 170, "where": 70, "why": 100, "when": 70, "who": 70,
    "amount": 80, "yesno": 85, "compare": 130, "about": 110,
}  # fmt: skip
CANDIDATES = 40
MAX_CHOSEN = 6
WORTH_ADDING = 0.78
"""Of the best unit's score: what a further unit of its own section must reach."""
WORTH_A_NEW_SECTION = 0.85
"""The same for a unit of another section: it interrupts, so it must say more."""
REDUNDANT = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Places of one section, in document order, that go into the answer."""

    section: Section
    places: tuple[int, ...]


@dataclass(kw_only=True)
class _Draft:
    """The answer while it is being put together."""

    weights: Weights
    left: int
    """Words that may still be added."""
    first_score: float = 0.0
    order: list[Section] = field(default_factory=list)
    picked: dict[int, set[int]] = field(default_factory=dict)
    """Section index -> places."""
    covered: dict[str, float] = field(default_factory=dict)
    said: list[Unit] = field(default_factory=list)

    def value(self, candidate: Scored) -> float:
        """The score, plus what it newly covers, plus nearness to what is there, minus repetition."""
        if not self.said:
            return candidate.score
        own = self.picked.get(candidate.section.index, set())
        if candidate.place in own or candidate.unit.kind == "table":
            return -1.0
        if own and candidate.place < min(own):
            return -1.0  # an answer begins with its best sentence
        alike = max(_alike(candidate.unit, unit) for unit in self.said)
        if alike > REDUNDANT:
            return -1.0
        near = 0.0
        if candidate.place - 1 in own:
            near = 0.22 if candidate.section is self.order[0] else 0.12
        elif own:
            near = 0.1
        return candidate.score + 0.6 * self._gain(candidate) + near - 0.35 * alike

    def wants(self, candidate: Scored, value: float) -> bool:
        """Whether a further unit says enough to be added."""
        if not self.said:
            return True
        if candidate.section.index in self.picked:
            return value >= WORTH_ADDING * self.first_score
        telling = self.weights.share(candidate.held) >= 0.5 or self._gain(candidate) >= 0.15
        return telling and value >= WORTH_A_NEW_SECTION * self.first_score

    def add(self, best: Scored, places: Sequence[int], scored: Mapping[Place, Scored]) -> None:
        """Takes the places, if they fit what is left; the first always does."""
        own = self.picked.get(best.section.index, set())
        new = [place for place in places if place not in own]
        units = [best.section.units[place] for place in new]
        cost = sum(word_count(unit) for unit in units)
        if self.said and cost > self.left * 1.15:
            return
        if not self.said:
            self.first_score = best.score
        self.left -= cost
        if best.section.index not in self.picked:
            self.order.append(best.section)
        self.picked.setdefault(best.section.index, set()).update(new)
        self.said.extend(units)
        held = (scored[best.section.index, place].held for place in new)
        self.covered = merge(self.covered, *held)

    def _gain(self, candidate: Scored) -> float:
        both = self.weights.share(merge(self.covered, candidate.held))
        return both - self.weights.share(self.covered)


def choose(
    question: Question,
    weights: Weights,
    scored: Sequence[Scored],
    *,
    budget: int | None = None,
    plain: bool = False,
) -> list[Chosen]:
    """What to say, best section first. [] when nothing is worth saying.

    `plain`: sentences only, no lists, tables or code.
    """
    by_place = {(s.section.index, s.place): s for s in scored}
    candidates = sorted(
        (
            s
            for s in scored
            if not s.unit.pointer and not (plain and (s.unit.kind != "sentence" or s.unit.is_lead))
        ),
        key=lambda s: (-s.score, s.section.index, s.place),
    )[:CANDIDATES]
    draft = _Draft(weights=weights, left=BUDGET_WORDS[question.kind] if budget is None else budget)
    while candidates and len(draft.said) < MAX_CHOSEN and draft.left > 12:
        best = max(candidates, key=draft.value)
        value = draft.value(best)
        if draft.said and value < WORTH_ADDING * draft.first_score:
            break
        candidates.remove(best)
        places = needed(question, best, by_place) if draft.wants(best, value) else None
        if places is None:
            continue
        opens = not draft.said
        draft.add(best, places, by_place)
        if opens and not plain:
            for place in elaboration(question, best, places):
                draft.add(by_place[best.section.index, place], [place], by_place)
    return [
        Chosen(section=section, places=tuple(sorted(draft.picked[section.index])))
        for section in draft.order
    ]


def _alike(one: Unit, other: Unit) -> float:
    both = len(one.stems & other.stems)
    return both / max(1, min(len(one.stems), len(other.stems)))
