"""Which passages fit a question: FTS5 with stems and with trigrams, fused by reciprocal rank.

Works without any key. When vectors are stored (`vectors.py`) and a question vector is given, they
are a third list of the same fusion. Blocking: call from a worker thread. Every call reads one snapshot.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.knowledge import fts
from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.passages import Passage
from agents.knowledge.relevance import Weighed, relevance_of, weigh
from agents.knowledge.rows import (
    PASSAGE_COLUMNS,
    DocumentSet,
    as_passage,
    document_rows,
    document_set,
    revision,
)
from agents.knowledge.terms import Term, query_terms
from agents.knowledge.vectors import Matrices

RRF_K = 60
LIST_WEIGHTS = {"stems": 1.0, "trigrams": 0.5, "vectors": 1.0}
"""Equal weights put passages first that hold `repository` in parts; bench/routing.py has the figures."""
CANDIDATES = 50
MAX_TERMS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    passage: Passage
    score: float
    """Reciprocal rank fusion: orders the hits of one question, means nothing across questions."""
    relevance: float
    """0..1: share of the question's information (idf) the passage covers. Comparable across questions;
    `vote.CONFIDENT_RELEVANCE` says what it takes."""
    ranks: Mapping[str, int]
    """Place in each list that found it, from 1: `stems`, `trigrams`, `vectors`."""


@dataclass(kw_only=True)
class _Frequencies:
    """What was counted at one revision of the index."""

    revision: int
    passages: int
    terms: dict[Term, Weighed] = field(default_factory=dict)


class Retriever:
    """Searches one index. Keeps word frequencies and the vector matrix of its present revision."""

    def __init__(self, index: KnowledgeIndex) -> None:
        self.index = index
        self._lock = threading.Lock()
        self._frequencies = _Frequencies(revision=-1, passages=0)
        self._matrices = Matrices()

    def search(
        self,
        query: str,
        *,
        k: int = 8,
        areas: Iterable[str] | None = None,
        query_vector: Sequence[float] | None = None,
        model: str | None = None,
    ) -> list[Hit]:
        """The best `k` passages, best first; [] for a question without a single usable word.

        `areas`: only these (None = all). `query_vector` needs the `model` its vectors are stored under.
        """
        wanted = None if areas is None else sorted(set(areas))
        terms = query_terms(query)
        with self.index.reader() as db:
            weighed, total = self._weigh(db, terms)
            lists = _text_lists(db, _worth_searching(weighed), wanted)
            if query_vector is not None and model is not None:
                lists["vectors"] = self._matrices.nearest(
                    db, model, query_vector, CANDIDATES, wanted
                )
            return _hits(db, _fuse(lists)[: max(0, k)], lists, weighed, total)

    def best_documents(
        self, query: str, areas: Iterable[str] | None, budget_chars: int
    ) -> DocumentSet:
        """Whole documents that fit the question best, up to the budget, in path order.

        When everything fits it is everything, whatever the question: that prefix caches best.
        """
        wanted = None if areas is None else set(areas)
        hits = self.search(query, k=CANDIDATES, areas=wanted)
        votes: dict[str, float] = {}
        for place, hit in enumerate(hits):
            path = hit.passage.path
            votes[path] = votes.get(path, 0.0) + (0.1 + hit.relevance) / (3 + place)
        with self.index.reader() as db:
            rows = [row for row in document_rows(db) if wanted is None or row[1].area in wanted]
            if sum(info.chars for _, info in rows) > budget_chars:
                rows = [row for row in rows if row[1].path in votes]
                rows.sort(key=lambda row: -votes[row[1].path])
            return document_set(db, rows, budget_chars)

    def _weigh(self, db: sqlite3.Connection, terms: Sequence[Term]) -> tuple[list[Weighed], int]:
        """The terms, rarest first, and the number of passages. Counts each term once per revision."""
        now = revision(db)
        with self._lock:
            if self._frequencies.revision != now or len(self._frequencies.terms) > 20_000:
                self._frequencies = _Frequencies(revision=now, passages=fts.count_passages(db))
            known = self._frequencies
        weighed = []
        for term in terms:
            if term not in known.terms:
                known.terms[term] = weigh(db, term, known.passages)
            weighed.append(known.terms[term])
        weighed.sort(key=lambda w: w.frequency)
        return weighed, known.passages


def _worth_searching(weighed: Sequence[Weighed]) -> list[Term]:
    """At most 32 terms that occur. One that most passages hold adds time and, in BM25, no score."""
    found = [w for w in weighed if w.frequency > 0 or len(w.term.text) == 2]
    telling = [w for w in found if w.idf > 0.7] or found
    return [w.term for w in telling[:MAX_TERMS]]


def _text_lists(
    db: sqlite3.Connection, terms: Sequence[Term], areas: Sequence[str] | None
) -> dict[str, list[int]]:
    lists = {
        "stems": fts.stem_list(db, terms, areas, CANDIDATES),
        "trigrams": fts.trigram_list(db, terms, areas, CANDIDATES),
    }
    if not lists["stems"] and not lists["trigrams"]:
        short = next((term for term in terms if term.inside and len(term.text) == 2), None)
        if short is not None:
            lists["trigrams"] = fts.containing(db, short, areas, CANDIDATES)
    return lists


def _fuse(lists: Mapping[str, Sequence[int]]) -> list[tuple[int, float]]:
    """(row, score) by reciprocal rank fusion, best first; ties by row, so that order is stable."""
    scores: dict[int, float] = {}
    for name, rows in lists.items():
        for rank, row in enumerate(rows, start=1):
            scores[row] = scores.get(row, 0.0) + LIST_WEIGHTS[name] / (RRF_K + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _hits(
    db: sqlite3.Connection,
    fused: Sequence[tuple[int, float]],
    lists: Mapping[str, Sequence[int]],
    weighed: Sequence[Weighed],
    total: int,
) -> list[Hit]:
    marks = ", ".join("?" * len(fused))
    rows = db.execute(
        f"SELECT p.id, {PASSAGE_COLUMNS} FROM passages AS p JOIN documents AS d"
        f" ON d.id = p.document_id WHERE p.id IN ({marks})",
        [row for row, _ in fused],
    )
    passages = {row[0]: as_passage(row[1:]) for row in rows}
    relevance = relevance_of(db, passages, weighed[:MAX_TERMS], total)
    places = {name: {row: n for n, row in enumerate(rows, 1)} for name, rows in lists.items()}
    return [
        Hit(
            passage=passages[row],
            score=score,
            relevance=relevance[row],
            ranks={name: place[row] for name, place in places.items() if row in place},
        )
        for row, score in fused
    ]
