"""A CSV file as a stream of rows: plain or gzip, UTF-8 with or without a mark, and bounded.

A file somebody sends can be a bomb, cut off or no text at all: every bound has a sentence.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from core.errors import InvalidInput

MAX_EXPANDED_BYTES = 2_000_000_000
MAX_RATIO = 100
_RATIO_FROM_BYTES = 32_000_000
"""Small files may be as regular as they like."""
MAX_LINE_CHARS = 1_000_000
MAX_COLUMNS = 500
_READ = 1 << 20
_HELP = "Choose a CSV file with a header line, in UTF-8, plain or as .gz."

Opener = Callable[[], BinaryIO]
Cells = Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file that can be read several times. `open_bytes` gives it from its beginning."""

    name: str
    size: int
    open_bytes: Opener

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """Raises InvalidInput when it cannot be read."""
        try:
            return cls(name=path.name, size=path.stat().st_size, open_bytes=lambda: path.open("rb"))
        except OSError as exc:
            raise InvalidInput(f"{path} cannot be read: {exc.strerror}.", what_to_do=_HELP) from exc

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Source:
        return cls(name=name, size=len(content), open_bytes=lambda: io.BytesIO(content))

    def digest(self) -> str:
        """SHA-256 of the file as it is."""
        found = sha256()
        with self.open_bytes() as file:
            while piece := file.read(_READ):
                found.update(piece)
        return found.hexdigest()

    def columns(self) -> tuple[str, ...]:
        """The names in the header line. Raises InvalidInput."""
        with Reading(self) as reading:
            return reading.columns


class Reading:
    """One pass over a source: the header, then the rows. Raises InvalidInput on the way."""

    def __init__(self, source: Source) -> None:
        try:
            self._file = source.open_bytes()
        except OSError as exc:
            raise InvalidInput(
                f"The file cannot be read: {exc.strerror}.", what_to_do=_HELP
            ) from exc
        self._size = source.size
        try:
            lines = _lines(_decoded(self._file))
            first = next(lines, "")
            self._reader = csv.reader(lines, delimiter=_delimiter(first))
            self.columns = _header(first)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def share(self) -> float:
        """How much of the file has been read, 0..1."""
        return min(1.0, self._file.tell() / self._size) if self._size else 1.0

    def rows(self) -> Iterator[tuple[int, Cells | str]]:
        """Line number in the file, and the cells or why the line cannot be read."""
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as exc:
                yield self._line, f"the line is not CSV ({exc})"
                continue
            if not cells or cells == [""]:
                continue
            if len(cells) != len(self.columns):
                yield self._line, f"{len(cells)} cells, but the header has {len(self.columns)}"
            else:
                yield self._line, cells

    @property
    def _line(self) -> int:
        return self._reader.line_num + 1  # the header was read before


def _decoded(file: BinaryIO) -> io.TextIOWrapper:
    start = file.read(4)
    file.seek(0)
    expanded: io.RawIOBase = _Bounded(file, gz=start[:2] == b"\x1f\x8b")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidInput("The file is UTF-16.", what_to_do=_HELP)
    if start[:2] == b"PK":
        raise InvalidInput("The file is a ZIP archive or a spreadsheet.", what_to_do=_HELP)
    # A byte that is no UTF-8 becomes a lone surrogate, and the row that holds it is rejected.
    return io.TextIOWrapper(
        io.BufferedReader(expanded, _READ), "utf-8-sig", errors="surrogateescape", newline=""
    )


class _Bounded(io.RawIOBase):
    """Bytes of a file, expanded if need be, up to the bounds."""

    def __init__(self, file: BinaryIO, *, gz: bool) -> None:
        self._packed = file
        self._file: BinaryIO = gzip.GzipFile(fileobj=file) if gz else file  # type: ignore[assignment]
        self._gz, self._given = gz, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            piece = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as exc:
            raise InvalidInput(f"The file is damaged or cut off: {exc}.", what_to_do=_HELP) from exc
        self._given += len(piece)
        self._check()
        buffer[: len(piece)] = piece
        return len(piece)

    def _check(self) -> None:
        if self._given > MAX_EXPANDED_BYTES:
            raise InvalidInput(
                f"The file is larger than {MAX_EXPANDED_BYTES // 10**9} GB.",
                what_to_do="Split it and import the parts one after the other.",
            )
        packed = self._packed.tell() if self._gz else self._given
        if self._given > _RATIO_FROM_BYTES and self._given > packed * MAX_RATIO:
            raise InvalidInput(
                f"The file expands to more than {MAX_RATIO} times its size.",
                what_to_do="Expand it yourself and look whether it is what you expect.",
            )


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE_CHARS):
        number += 1
        if len(line) >= MAX_LINE_CHARS:
            raise InvalidInput(
                f"Line {number} is longer than {MAX_LINE_CHARS:,} characters.", what_to_do=_HELP
            )
        yield line


def _delimiter(header: str) -> str:
    """The one of comma, semicolon and tab that the header has most of."""
    return max(",;\t", key=header.count)


def _header(line: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([line], delimiter=_delimiter(line)), [])
    except csv.Error as exc:
        raise InvalidInput(f"The header is not CSV: {exc}.", what_to_do=_HELP) from exc
    names = tuple(cell.strip() for cell in cells)
    if not any(names):
        raise InvalidInput("The file is empty or has no header line.", what_to_do=_HELP)
    if len(names) > MAX_COLUMNS:
        raise InvalidInput(f"The file has {len(names):,} columns.", what_to_do=_HELP)
    if any("\udc80" <= char <= "\udcff" or char == "\0" for name in names for char in name):
        raise InvalidInput("The file is not UTF-8 text.", what_to_do=_HELP)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidInput(f"The column '{twice[0][:100]}' is there twice.", what_to_do=_HELP)
    return names
