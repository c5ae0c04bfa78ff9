"""What each word of a question is worth among these passages, and which stems stand for it.

Weights are measured on the passages of this prompt: what most of them hold tells little, what none
of them holds is missing and keeps its whole weight, so that an answer that covers too little shows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agents.local.question import SYNONYMS, Question
from agents.local.sentences import Section

SYNONYM = 0.75
LIKE = 0.8
"""A spelling mistake or another form of the word."""
IN_HEADING = 0.85
IN_TITLE = 0.75
NEIGHBOUR = 0.35


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What each word of the question is worth, and which stems of the passages stand for it."""

    worth: dict[str, float]
    total: float
    factors: dict[str, dict[str, float]]
    """stem in the passages -> {word of the question: how well it stands for it}."""
    missing: tuple[str, ...]
    """Words of the question no passage has, as the person wrote them."""

    def held(self, found: Iterable[str], factor: float = 1.0) -> dict[str, float]:
        """word of the question -> how well these stems cover it."""
        best: dict[str, float] = {}
        for form in found:
            for word, fit in self.factors.get(form, {}).items():
                if fit * factor > best.get(word, 0.0):
                    best[word] = fit * factor
        return best

    def share(self, held: dict[str, float]) -> float:
        """0..1: the question's information that is covered."""
        if not self.total:
            return 0.0
        return sum(self.worth[word] * fit for word, fit in held.items()) / self.total


def merge(*helds: dict[str, float]) -> dict[str, float]:
    """The best of several covers, word by word."""
    best: dict[str, float] = {}
    for held in helds:
        for word, fit in held.items():
            best[word] = max(fit, best.get(word, 0.0))
    return best


def weigh(question: Question, sections: Sequence[Section]) -> Weights:
    """The weights of the question's words among these sections."""
    frequency: Counter[str] = Counter()
    for section in sections:
        frequency.update(section.body_stems | section.head_stems | section.title_stems)
    count = max(1, len(sections))
    # Few passages were all chosen for the question: that a word is in each of them says less.
    steep = 0.35 if count <= 24 else 0.6
    ceiling = math.log(1 + count / 0.5)
    worth: dict[str, float] = {}
    factors: dict[str, dict[str, float]] = {}
    missing: list[str] = []
    for term in question.terms:
        forms = _forms(term.stem, frequency)
        df = max((frequency[form] * fit for form, fit in forms.items()), default=0.0)
        rarity = math.log(1 + count / max(0.5, df)) / ceiling
        worth[term.stem] = term.base * (1 - steep + steep * rarity)
        for form, fit in forms.items():
            factors.setdefault(form, {})[term.stem] = fit
        if not forms:
            missing.append(term.surface)
    return Weights(worth=worth, total=sum(worth.values()), factors=factors, missing=tuple(missing))


def _forms(word: str, vocabulary: Counter[str]) -> dict[str, float]:
    """The stems of the passages that stand for a word of the question."""
    forms = {other: SYNONYM for other in SYNONYMS.get(word, ()) if vocabulary[other]}
    if vocabulary[word]:
        forms[word] = 1.0
    elif len(word) >= 5 and word.isalpha():
        near = get_close_matches(
            word,
            [w for w in vocabulary if abs(len(w) - len(word)) <= 1 and w[0] == word[0]],
            2,
            0.84,
        )
        forms.update(dict.fromkeys(near, LIKE))
    return forms
