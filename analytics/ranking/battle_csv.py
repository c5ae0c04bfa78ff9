"""Battles of others: files of votes or counts (CSV, JSON, JSON lines) as ballots.

Reads what FastChat, LMArena and Kaggle publish, tables that count the battles of each pair, and
square tables of wins. Not a store: whoever calls keeps the ballots, and knows a file it has read
before by `Summary.digest`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, combinations, islice
from typing import Literal

from analytics.imports.values import Bad, Rejected
from analytics.ranking.battle_columns import BattleField, choose
from analytics.ranking.battle_file import Row, Table, open_table
from analytics.ranking.battle_rows import RowReader
from core.comparison import Ballot
from core.errors import InvalidInput

MAX_ROWS = 1_000_000
MAX_BATTLES = 1_000_000
MAX_FAULTS = 1_000
_SPLIT = "Split the file and import the parts one after the other."
_PAIR = ("model_a", "model_b", "wins_a", "wins_b")
_NO_CELL = frozenset(("", "0", "-", "–", "—", "na", "n/a", "nan", "none", "null", "x"))

Shape = Literal["battles", "counts", "matrix"]
"""One row a battle; one row a pair with its counts; a square table, rows beat columns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a file had in it. Times in UTC microseconds."""

    digest: str
    """SHA-256 of the file as it came. The same file gives the same ballots."""
    shape: Shape
    rows: int
    battles: int
    """Ballots, with those that say both are bad or that were skipped."""
    faults: int
    """Rows that were not taken, all of them."""
    models: tuple[tuple[str, int], ...]
    """Each with its battles, the most frequent first."""
    ties: int
    both_bad: int
    skipped: int
    revealed: int
    """Battles in which the voter knew the models: flagged, so that a ranking leaves them out."""
    voters: int | None
    """None: the file names no voters, and each battle counts as one of another voter."""
    since_us: int | None
    until_us: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What a file of battles says."""

    ballots: tuple[Ballot, ...]
    faults: tuple[Rejected, ...]
    """The first thousand rows that were not taken, each with the reason."""
    columns: Mapping[BattleField, str]
    """Which column was read as what; empty for a square table."""
    present: tuple[str, ...]
    """All columns of the file, for another choice."""
    summary: Summary


def read_battles(
    data: bytes,
    file_name: str,
    mapping: Mapping[str, str] | None = None,
    *,
    now_us: int | None = None,
) -> Imported:
    """All battles of a file. Rows that cannot be used are listed and do not stop the others.

    `mapping` (field -> column, "" for none) overrides what the names of the columns suggest. Equal
    rows are different battles. Raises InvalidInput for a file that cannot be read at all, is beyond
    a limit, or whose columns name no contestants or no result.
    """
    is_square, table = _looked_at(open_table(data, file_name))
    if is_square and not mapping:
        columns: Mapping[BattleField, str] = {}
        source = Table(columns=_PAIR, rows=_pairs(table))
        reader = RowReader(_PAIR, choose(_PAIR, None), 0)
        shape: Shape = "matrix"
    else:
        columns, source = choose(table.columns, mapping), table
        reader = RowReader(table.columns, columns, now_us or time.time_ns() // 1000)
        shape = "battles" if "winner" in columns else "counts"
    taken = _take(reader, source.rows)
    return Imported(
        ballots=tuple(taken.ballots),
        faults=tuple(taken.problems),
        columns=columns,
        present=table.columns,
        summary=_summary(sha256(data).hexdigest(), shape, taken, named="voter" in columns),
    )


@dataclass(kw_only=True, slots=True)
class _Taken:
    ballots: list[Ballot]
    problems: list[Rejected]
    rows: int = 0
    faults: int = 0


def _take(reader: RowReader, rows: Iterable[Row]) -> _Taken:
    taken = _Taken(ballots=[], problems=[])
    ballots = taken.ballots
    for line, cells in rows:
        taken.rows += 1
        if taken.rows > MAX_ROWS:
            raise InvalidInput(f"The file has more than {MAX_ROWS:,} rows.", what_to_do=_SPLIT)
        try:
            if isinstance(cells, str):
                raise Bad(cells)
            ballots.extend(islice(reader.ballots(line, cells), MAX_BATTLES + 1 - len(ballots)))
        except Bad as bad:
            taken.faults += 1
            if len(taken.problems) < MAX_FAULTS:
                shown = bad.text[:60].encode("utf-8", "replace").decode("utf-8")
                taken.problems.append(Rejected(line=line, reason=bad.reason, text=shown))
        if len(ballots) > MAX_BATTLES:
            raise InvalidInput(
                f"The file counts more than {MAX_BATTLES:,} battles.", what_to_do=_SPLIT
            )
    return taken


def _summary(digest: str, shape: Shape, taken: _Taken, *, named: bool) -> Summary:
    ballots = taken.ballots
    models = Counter(chain.from_iterable(ballot.contestants for ballot in ballots))
    outcomes = Counter(ballot.outcome for ballot in ballots)
    times = [ballot.at_us for ballot in ballots if ballot.at_us]
    return Summary(
        digest=digest,
        shape=shape,
        rows=taken.rows,
        battles=len(ballots),
        faults=taken.faults,
        models=tuple(sorted(models.items(), key=lambda entry: (-entry[1], entry[0]))),
        ties=outcomes["tie"],
        both_bad=outcomes["both_bad"],
        skipped=outcomes["skip"],
        revealed=sum("revealed" in ballot.flags for ballot in ballots),
        voters=len({ballot.voter for ballot in ballots}) if named else None,
        since_us=min(times, default=None),
        until_us=max(times, default=None),
    )


def _looked_at(table: Table) -> tuple[bool, Table]:
    """Whether it is a square table of wins, by its first row, and the table with that row again.

    It is one when its rows are named as its columns are: `,A,B` / `A,,3` / `B,2,`.
    """
    first = list(islice(table.rows, 1))
    again = Table(columns=table.columns, rows=chain(first, table.rows))
    named = [cells[0].strip() for _, cells in first if not isinstance(cells, str)]
    return bool(named and named[0] in table.columns[1:]), again


def _pairs(table: Table) -> Iterator[Row]:
    """A row for each pair that met. A cell counts how often its row beat its column."""
    wins: dict[str, tuple[int, Sequence[str]]] = {}
    for line, cells in table.rows:
        if isinstance(cells, str):
            yield line, cells
        elif (name := cells[0].strip()) not in table.columns[1:] or name in wins:
            yield line, "the row is not named as one of the columns is, or is there twice"
        else:
            wins[name] = line, cells
    for name in table.columns[1:]:
        if name not in wins:
            yield 1, f"the column '{name[:60]}' has no row"
    columns = {name: place for place, name in enumerate(table.columns)}
    for a, b in combinations(wins, 2):
        line, cells = wins[a]
        given = (cells[columns[b]].strip(), wins[b][1][columns[a]].strip())
        counted = ["" if cell.lower() in _NO_CELL else cell for cell in given]
        if any(counted):
            yield line, (a, b, *counted)
