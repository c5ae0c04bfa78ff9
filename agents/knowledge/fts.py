"""The SQL of a search: how often a term occurs, ranked lists of rows, and which rows hold a term.

Every function takes a reader's connection and gives row ids of `passages`; `search.py` fuses them.
Terms arrive as `Term`, so a MATCH expression here is built from quoted letters and digits only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from agents.knowledge.terms import Term

RANK = "bm25(4.0, 2.0, 1.0)"
"""Weights of title, heading and text."""


def count_passages(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM passages").fetchone()[0])


def frequency(db: sqlite3.Connection, term: Term) -> int:
    """In how many passages a term occurs: as a word, or else inside words (compounds)."""
    found = 0 if term.inside else _count(db, "porter", term)
    return found or (_count(db, "trigram", term) if _cuttable(term) else 0)


def _cuttable(term: Term) -> bool:
    """Worth looking for inside words: `eat` would find `create`, three Han characters are a word."""
    return len(term.text) >= (3 if term.inside else 4)


def _count(db: sqlite3.Connection, table: str, term: Term) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE {table} MATCH ?"
    return int(db.execute(sql, (term.match,)).fetchone()[0])


def stem_list(
    db: sqlite3.Connection, terms: Sequence[Term], areas: Sequence[str] | None, limit: int
) -> list[int]:
    """Rows by BM25 over word stems, best first."""
    return _ranked(db, "porter", [t.match for t in terms if not t.inside], areas, limit)


def trigram_list(
    db: sqlite3.Connection, terms: Sequence[Term], areas: Sequence[str] | None, limit: int
) -> list[int]:
    """Rows by BM25 over parts of words: compounds, codes, typing habits, text without spaces."""
    return _ranked(db, "trigram", [t.match for t in terms if _cuttable(t)], areas, limit)


def _ranked(
    db: sqlite3.Connection,
    table: str,
    matches: Sequence[str],
    areas: Sequence[str] | None,
    limit: int,
) -> list[int]:
    if not matches:
        return []
    where, names = _in_areas(f"{table}.rowid", areas, first=4)
    sql = (
        f"SELECT rowid FROM {table} WHERE {table} MATCH ?1 AND rank MATCH ?2{where}"
        " ORDER BY rank LIMIT ?3"
    )
    return [row[0] for row in db.execute(sql, (" OR ".join(matches), RANK, limit, *names))]


def _in_areas(rowid: str, areas: Sequence[str] | None, first: int) -> tuple[str, Sequence[str]]:
    """A condition on the area. EXISTS, so that FTS5 drives and an area is read per candidate only."""
    if areas is None:
        return "", ()
    marks = ", ".join(f"?{first + i}" for i in range(len(areas)))
    exists = f" AND EXISTS (SELECT 1 FROM passages WHERE id = {rowid} AND area IN ({marks}))"
    return exists, areas


def containing(
    db: sqlite3.Connection, term: Term, areas: Sequence[str] | None, limit: int
) -> list[int]:
    """Rows that hold a term of two characters, by scanning: no list of either kind can find it."""
    where, names = _in_areas("p.id", areas, first=3)
    sql = f"SELECT p.id FROM passages AS p WHERE instr(p.title || p.heading || p.text, ?1){where} LIMIT ?2"
    return [row[0] for row in db.execute(sql, (term.text, limit, *names))]


def holding(db: sqlite3.Connection, term: Term, rows: Iterable[int]) -> set[int]:
    """Which of `rows` hold the term as a word stem. Looks each row up: no list is walked."""
    sql = "SELECT 1 FROM porter WHERE porter MATCH ? AND rowid = ?"
    return {row for row in rows if db.execute(sql, (term.match, row)).fetchone() is not None}
