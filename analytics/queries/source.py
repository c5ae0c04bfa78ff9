"""Where the numbers of a window are: days, hours, quarters of an hour, and the rows themselves.

One snapshot of the database is read for each question. Every moment of the window is covered exactly
once: by the largest block that lies inside it, and by rows where a block is cut or there is none yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, bindparam, select

from analytics.blocks.codec import Block
from analytics.blocks.fold import FORMAT
from analytics.blocks.kinds import Kind
from analytics.blocks.rows import CODE, column_query
from analytics.blocks.stale import DAY, HOUR, QUARTER, ZONE_LABEL, end_of
from analytics.measures import FACTS, Fact
from analytics.metrics import Ints, Mask
from analytics.queries.labels import LabelBook
from analytics.schema import block, label, stale
from analytics.timeaxis import QUARTER_US, Axis, Window

Finest = Literal["day", "hour", "row"]
Filters = Mapping[str, Sequence[str]]
_LEVELS = {"day": (DAY, HOUR), "hour": (HOUR,), "row": ()}
MANY_QUARTERS = 2_500
"""Reading more of them takes longer than a person should wait for a sample."""
_BATCH = 300_000
_FEW_SPANS = 8
_AT_ONCE = 400

# Made once: making a statement costs more than reading a small block.
_SPAN = (block.c.start_us >= bindparam("since_us"), block.c.start_us < bindparam("until_us"))
_ZONE = select(label.c.name).where(label.c.kind == ZONE_LABEL, label.c.code == 0)
_CELLS = (
    select(block.c.start_us, block.c.data)
    .where(block.c.kind == bindparam("kind"), block.c.level == bindparam("level"), *_SPAN)
    .order_by(block.c.start_us)
)
_SIZES = (
    select(block.c.start_us, block.c.n)
    .where(block.c.kind == bindparam("kind"), block.c.level == QUARTER, block.c.n > 0, *_SPAN)
    .order_by(block.c.start_us)
)
_QUARTERS = (
    select(block.c.start_us, block.c.data)
    .where(
        block.c.kind == bindparam("kind"),
        block.c.level == QUARTER,
        block.c.start_us.in_(bindparam("starts", expanding=True)),
    )
    .order_by(block.c.start_us)
)
_STALE = (
    select(stale.c.start_us)
    .where(
        stale.c.level == QUARTER,
        stale.c.start_us > bindparam("since_us"),
        stale.c.start_us < bindparam("until_us"),
    )
    .order_by(stale.c.start_us)
)


class _Piece(Mapping[str, Ints]):
    """Columns of one block or one statement; `mask` chooses the rows, None = all of them."""

    def __init__(
        self, get: Callable[[str], Ints], names: Collection[str], mask: Mask | Ints | None
    ) -> None:
        self._get, self._names, self._mask = get, names, mask

    def __getitem__(self, name: str) -> Ints:
        values = self._get(name)
        return values if self._mask is None else values[self._mask]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Joined(Mapping[str, Ints]):
    """Columns of several pieces, joined when they are asked for."""

    def __init__(self, pieces: Sequence[Mapping[str, Ints]], names: Collection[str]) -> None:
        self._pieces, self._names = pieces, names
        self._made: dict[str, Ints] = {}

    def __getitem__(self, name: str) -> Ints:
        found = self._made.get(name)
        if found is None:
            parts = [piece[name] for piece in self._pieces]
            found = np.concatenate(parts, dtype=np.int64) if parts else np.empty(0, np.int64)
            self._made[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a fact as whole numbers; `codes` are ids of the book."""

    n: int
    ints: Mapping[str, Ints]
    codes: Mapping[str, Ints]
    book: LabelBook

    @classmethod
    def join(cls, fact: Fact, parts: Sequence[Rows], book: LabelBook) -> Rows:
        """The rows of several parts; columns are joined, and made wide, when they are asked for."""
        spec = FACTS[fact]
        return cls(
            sum(part.n for part in parts),
            _Joined([part.ints for part in parts], spec.ints),
            _Joined([part.codes for part in parts], spec.labels),
            book,
        )

    def is_in(self, dimension: str, *names: str) -> Mask:
        return np.isin(self.codes[dimension], self.book.ids(dimension, names))

    def take(self, mask: Mask | Ints) -> Rows:
        n = int(mask.sum()) if mask.dtype == np.bool_ else len(mask)
        ints, codes = self.ints, self.codes
        return Rows(
            n,
            _Joined([_Piece(ints.__getitem__, ints, mask)], ints),
            _Joined([_Piece(codes.__getitem__, codes, mask)], codes),
            self.book,
        )

    def names(self, dimension: str) -> list[str | None]:
        """The label of each row."""
        return [self.book.name(dimension, code) for code in self.codes[dimension].tolist()]


@dataclass(frozen=True, slots=True)
class Cells:
    """Blocks of hours and days of one kind, and what of the window they leave to the rows."""

    starts: tuple[int, ...]
    blocks: tuple[Block, ...]
    gaps: tuple[Window, ...]


def finest(axis: Axis | None) -> Finest:
    """The longest blocks that never lie across an edge of the axis."""
    if axis is None or axis.size in ("day", "week", "month"):
        return "day"
    return "hour" if axis.size in ("1h", "3h", "6h") else "row"


def zone_of_blocks(connection: Connection) -> str | None:
    """The zone whose hours and days are kept; None when there are none that can be read."""
    name = connection.execute(_ZONE).scalar_one_or_none()
    version, _, zone = (name or "").partition(" ")
    return zone if version == FORMAT else None


def find_cells(
    connection: Connection,
    kind: Kind | None,
    window: Window,
    longest: Finest,
    zone: ZoneInfo | None,
) -> Cells:
    """The longest blocks of a kind that lie inside the window. Without a zone there are none."""
    gaps, starts, blocks = [window], [], []
    for level in _LEVELS[longest] if kind and zone else ():
        assert kind is not None
        assert zone is not None
        left = []
        for gap in gaps:
            rest = gap.since_us
            found = connection.execute(
                _CELLS,
                {
                    "kind": kind.name,
                    "level": level,
                    "since_us": gap.since_us,
                    "until_us": gap.until_us,
                },
            )
            for start, data in found:
                end = end_of(level, start, zone)
                if end > gap.until_us:
                    break
                starts.append(start)
                blocks.append(Block(data))
                if start > rest:
                    left.append(Window(since_us=rest, until_us=start))
                rest = end
            if rest < gap.until_us:
                left.append(Window(since_us=rest, until_us=gap.until_us))
        gaps = left
    return Cells(tuple(starts), tuple(blocks), tuple(gaps))


def read_rows(
    connection: Connection, book: LabelBook, fact: Fact, gaps: Sequence[Window], filters: Filters
) -> Iterator[Rows]:
    """The rows of some spans, in batches: a year of them must not be in memory at once."""
    batch: list[Rows] = []
    count = 0
    for part in _parts(connection, book, fact, gaps, filters):
        batch.append(part)
        count += part.n
        if count >= _BATCH:
            yield Rows.join(fact, batch, book)
            batch, count = [], 0
    if batch:
        yield Rows.join(fact, batch, book)


def spread_out(window: Window, n: int, wanted: int) -> list[Window]:
    """Quarters of an hour of a window of `n` rows that have about `wanted` rows together, or fewer.

    One of each stretch, at a place that is random but always the same: a fixed step would meet the
    same hour of every day.
    """
    first = window.since_us + -window.since_us % QUARTER_US
    count = (window.until_us - first) // QUARTER_US
    every = max(1, n // wanted, count // MANY_QUARTERS)
    places = np.arange(0, max(count, 0), every)
    places += np.random.default_rng(0).integers(0, every, len(places))
    starts = (first + places[places < count] * QUARTER_US).tolist()
    return [Window(since_us=start, until_us=start + QUARTER_US) for start in starts]


def busy_quarters(connection: Connection, fact: Fact, window: Window, wanted: int) -> list[Window]:
    """The same from the quarters that have rows, for windows in which most have none."""
    limits = {
        "kind": fact,
        "since_us": window.since_us,
        "until_us": window.until_us - QUARTER_US + 1,
    }
    found = connection.execute(_SIZES, limits).all()
    every = max(1, round(sum(n for _, n in found) / wanted), len(found) // MANY_QUARTERS)
    return [Window(since_us=start, until_us=start + QUARTER_US) for start, _ in found[::every]]


def _parts(
    connection: Connection, book: LabelBook, fact: Fact, gaps: Sequence[Window], filters: Filters
) -> Iterator[Rows]:
    if not gaps:
        return
    readable = zone_of_blocks(connection) is not None
    kept = {f"{CODE}{name}": book.codes_of(name, values) for name, values in filters.items()}
    for gap, start, data in _quarters(connection, fact, gaps) if readable else ():
        rows = _of_block(book, fact, gap, start, Block(data), kept)
        if rows is not None:
            yield rows
    spec = FACTS[fact]
    query = column_query(fact, tuple((name, tuple(v)) for name, v in filters.items()))
    for span in _stale_spans(connection, gaps) if readable else gaps:
        read = query.read(connection, since_us=span.since_us, until_us=span.until_us)
        if read.n:
            codes = {name: book.of_labels(name, read.texts[name]) for name in spec.labels}
            yield Rows(read.n, read.ints, codes, book)


def _quarters(
    connection: Connection, fact: Fact, gaps: Sequence[Window]
) -> Iterator[tuple[Window, int, bytes]]:
    """The blocks of quarters that lie in the gaps or are cut by them."""
    if len(gaps) <= _FEW_SPANS:
        for gap in gaps:
            since, until = gap.since_us - QUARTER_US + 1, gap.until_us
            span = {"kind": fact, "level": QUARTER, "since_us": since, "until_us": until}
            for start, data in connection.execute(_CELLS, span):
                yield gap, start, data
        return
    wanted = {
        start: gap
        for gap in gaps
        for start in range(gap.since_us - gap.since_us % QUARTER_US, gap.until_us, QUARTER_US)
    }
    starts = sorted(wanted)
    for place in range(0, len(starts), _AT_ONCE):
        some = {"kind": fact, "starts": starts[place : place + _AT_ONCE]}
        for start, data in connection.execute(_QUARTERS, some):
            yield wanted[start], start, data


def _of_block(
    book: LabelBook,
    fact: Fact,
    gap: Window,
    start: int,
    packed: Block,
    codes_kept: Mapping[str, Mask],
) -> Rows | None:
    """The rows of a quarter that lie in the gap and whose codes are kept."""
    spec = FACTS[fact]
    mask: Mask | None = None
    if start < gap.since_us or start + QUARTER_US > gap.until_us:
        at_us = packed["started_at_us"].astype(np.int64) + start
        mask = (at_us >= gap.since_us) & (at_us < gap.until_us)
    for name, codes in codes_kept.items():
        kept = codes[packed[name]]
        mask = kept if mask is None else mask & kept
    n = packed.n if mask is None else int(np.count_nonzero(mask))
    if not n:
        return None

    def of_ints(name: str) -> Ints:
        values: Ints = packed[name]
        return values.astype(np.int64) + start if name == "started_at_us" else values

    def of_labels(name: str) -> Ints:
        return book.of_codes(name, packed[f"{CODE}{name}"])

    return Rows(n, _Piece(of_ints, spec.ints, mask), _Piece(of_labels, spec.labels, mask), book)


def _stale_spans(connection: Connection, gaps: Sequence[Window]) -> list[Window]:
    """What only the rows know, cut to the gaps; neighbours are one span."""
    since, until = min(g.since_us for g in gaps), max(g.until_us for g in gaps)
    limits = {"since_us": since - QUARTER_US, "until_us": until}
    starts = connection.execute(_STALE, limits).scalars().all()
    spans: list[Window] = []
    for gap in gaps if starts else ():
        for start in starts:
            begin, end = max(start, gap.since_us), min(start + QUARTER_US, gap.until_us)
            if begin >= end:
                continue
            if spans and spans[-1].until_us == begin:
                begin = spans.pop().since_us
            spans.append(Window(since_us=begin, until_us=end))
    return spans
