"""What two things are, side by side: for "what is the difference between A and B".

A sentence that holds both is best; otherwise each gets the sentence that says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.local.choose import Chosen
from agents.local.cues import definition
from agents.local.expand import dangles
from agents.local.question import Question
from agents.local.rank import Scored
from agents.local.weights import Weights

SAYS_WHAT_IT_IS = 0.08
"""Least bonus of a definition; below it a sentence merely mentions the thing."""


def contrast(question: Question, weights: Weights, scored: Sequence[Scored]) -> list[Chosen] | None:
    """One defining sentence for each of two named things; None when they are not both defined."""
    if question.kind != "compare":
        return None
    named = [term.stem for term in question.terms if term.base >= 1][:2]
    if len(named) < 2:
        return None
    best = [_best(word, weights, scored) for word in named]
    if any(found is None for found in best):
        return None
    places: dict[int, set[int]] = {}
    for found in best:
        assert found is not None
        places.setdefault(found.section.index, set()).add(found.place)
    sections = {found.section.index: found.section for found in best if found is not None}
    return [Chosen(section=sections[i], places=tuple(sorted(at))) for i, at in places.items()]


def _best(word: str, weights: Weights, scored: Sequence[Scored]) -> Scored | None:
    """The sentence or item that says what the thing is."""
    alone = Weights(
        worth={word: 1.0},
        total=1.0,
        factors={
            form: {word: fits[word]} for form, fits in weights.factors.items() if word in fits
        },
        missing=(),
    )

    def value(s: Scored) -> float:
        return definition(alone, s.section, s.unit) + 0.1 * s.score

    fit = [
        s
        for s in scored
        if s.unit.kind in ("sentence", "item")
        and not (s.unit.pointer or s.unit.is_lead or dangles(s.unit.text))
        and definition(alone, s.section, s.unit) >= SAYS_WHAT_IT_IS
    ]
    return max(fit, key=value, default=None)
