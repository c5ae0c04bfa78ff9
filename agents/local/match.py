"""How alike a question and a text are: a heading that asks the same, phrases, and focus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from itertools import pairwise

from agents.local.question import SYNONYMS, Question
from agents.local.sentences import Section
from agents.local.stem import is_content
from agents.local.weights import SYNONYM, Weights

SAME_QUESTION = 0.75
"""Likeness from which a heading is the question itself."""

PLAIN_HEADING = 0.35
"""What the likeness of a heading that is no question counts."""
_SMALL_WORD = 0.3
"""Weight of a word like "how many" or "not" when a heading is compared with the question."""


def likeness(question: Question, section: Section) -> float:
    """0..1: how far the heading is the question itself, small words counted; 0 up to half alike."""
    asked, head = Counter(question.order), Counter(section.head_order)
    if len(head) < 2:
        return 0.0
    content = {term.stem for term in question.terms}

    def mass(words: Counter[str]) -> float:
        return sum(
            count * (1.0 if w in content or is_content(w) else _SMALL_WORD)
            for w, count in words.items()
        )

    both = mass(asked & head)
    left = head - asked
    for word in asked - head:
        met = next((other for other in SYNONYMS.get(word, ()) if left[other]), None)
        if met is not None:
            left[met] -= 1
            both += SYNONYM
    dice = 2 * both / (mass(asked) + mass(head))
    alike = max(0.0, dice - 0.5) * 2
    # Only below a heading that is a question does the first sentence answer it.
    return alike if section.heading.endswith("?") else alike * PLAIN_HEADING


def focus(weights: Weights, found: Set[str]) -> float:
    """How much of a heading is about the question: `Stop an answer` more than a long title."""
    return 0.5 + 0.5 * sum(form in weights.factors for form in found) / max(1, len(found))


def phrases(question: Question, section: Section) -> float:
    if not question.pairs:
        return 0.0
    met = max((pairs_met(question, unit.order) for unit in section.units), default=0)
    return met / len(question.pairs)


def pairs_met(question: Question, order: tuple[str, ...]) -> int:
    near = set(pairwise(order)) | set(zip(order, order[2:], strict=False))
    return len(question.pairs & near)
