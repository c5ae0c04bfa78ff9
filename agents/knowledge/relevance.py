"""How much of a question a passage covers: a figure that can be compared across questions.

A rank says which passage is best, never whether the best is any good. This does: the words of the
question weigh by their rarity (idf), and a passage earns the weight of those it holds.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agents.knowledge import fts
from agents.knowledge.passages import Passage
from agents.knowledge.terms import Term

MEASURED_TERMS = 12
"""Words a question is measured by: no passage covers all the words of a pasted log."""
LEAST_MASS = 0.8
"""Of the weight of a word that occurs once: a question of a single common word proves little."""
ONCE = 0.7
"""Credit for a word that stands once, in the text only. What a passage is about, it repeats."""
MISSPELT = 0.5
"""Credit for a word that is known by its beginning only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    term: Term
    """What to look for: the question's word, or the known beginning of one that does not occur."""
    frequency: int
    """Passages that hold it; 0 = nothing like it occurs."""
    idf: float
    credit: float = 1.0


def weigh(db: sqlite3.Connection, term: Term, total: int) -> Weighed:
    """Counts a term. One that never occurs is tried without its last letters: endings, misspellings."""
    count = fts.frequency(db, term)
    weighed = Weighed(term=term, frequency=count, idf=_idf(count, total))
    if count or term.inside:
        return weighed
    for length in range(len(term.text) - 1, max(4, math.ceil(len(term.text) * 0.6)) - 1, -1):
        start = Term(text=term.text[:length], inside=True)
        if count := fts.frequency(db, start):
            idf = min(weighed.idf, _idf(count, total))
            return replace(weighed, term=start, frequency=count, idf=idf, credit=MISSPELT)
    return weighed


def _idf(count: int, total: int) -> float:
    return math.log(1 + (total - count + 0.5) / (count + 0.5))


def relevance_of(
    db: sqlite3.Connection, passages: Mapping[int, Passage], weighed: Sequence[Weighed], total: int
) -> dict[int, float]:
    """Row -> 0..1, the share of the question's idf the passage covers.

    `weighed` is rarest first; `total` is the number of passages in the index.
    """
    mass = max(LEAST_MASS * _idf(1, total), sum(w.idf for w in weighed[:MEASURED_TERMS]))
    names = {row: f"{p.title}\n{p.heading}".lower() for row, p in passages.items()}
    texts = {row: p.text.lower() for row, p in passages.items()}
    covered = dict.fromkeys(passages, 0.0)
    for w in weighed:
        if not w.frequency:
            continue
        word = w.term.text
        # `eat` is in `create`: short words count as words only.
        partly = w.term.inside or len(word) >= 5
        rows = {row for row in passages if partly and (word in texts[row] or word in names[row])}
        if not w.term.inside:
            rows |= fts.holding(db, w.term, passages.keys() - rows)
        start = word[: max(4, math.ceil(len(word) * 0.75))]
        for row in rows:
            about = start in names[row] or texts[row].count(start) > 1
            covered[row] += w.idf * w.credit * (1.0 if about else ONCE)
    return {row: min(1.0, value / mass) for row, value in covered.items()}
