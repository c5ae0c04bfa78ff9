"""A file of battles as rows of cells: CSV, JSON lines or a JSON list, plain or gzip, bounded.

What the columns and cells mean is not known here.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from analytics.imports.source import Reading, Source
from analytics.ranking.battle_cells import measured, plain
from analytics.ranking.battle_columns import METADATA
from core.errors import InvalidInput

MAX_BYTES = 200_000_000
_SAMPLE = 1_000
_HELP = "Choose a CSV file with a header line, or a file of JSON lines, in UTF-8, plain or as .gz."

Row = tuple[int, Sequence[str] | str]
"""Number of the line or element, and its cells or why it cannot be read."""
_Object = tuple[int, dict[str, Any] | str]
"""The same of an object: its values by name, or why it cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def open_table(data: bytes, file_name: str) -> Table:
    """Raises InvalidInput, here or while rows are read, for what is no such file or too large."""
    if len(data) > MAX_BYTES:
        raise _too_large()
    data = _unpacked(data)
    start = data[:_SAMPLE].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return _of_objects(_objects(data, as_lines=start == b"{"))
    reading = Reading(Source.of_bytes(file_name, data))
    if METADATA in reading.columns:
        return _of_objects(_with_metadata(reading))
    return Table(columns=reading.columns, rows=reading.rows())


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"The file is larger than {MAX_BYTES // 10**6} MB.",
        what_to_do="Leave out the columns with the conversations, or split the file.",
    )


def _unpacked(data: bytes) -> bytes:
    """UTF-8, expanded. UTF-16 is what spreadsheets call Unicode text."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as exc:
            raise InvalidInput(f"The file is damaged or cut off: {exc}.", what_to_do=_HELP) from exc
        if len(data) > MAX_BYTES:
            raise _too_large()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode("utf-8")
        except UnicodeError as exc:
            raise InvalidInput("The file is damaged UTF-16 text.", what_to_do=_HELP) from exc
    return data


def _objects(data: bytes, *, as_lines: bool) -> Iterator[_Object]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput("The file is not UTF-8 text.", what_to_do=_HELP) from exc
    return _lines(text) if as_lines else _elements(text)


def _lines(text: str) -> Iterator[_Object]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip():
            try:
                yield number, _flat(json.loads(line))
            except (ValueError, RecursionError):
                yield number, "the line is not JSON"


def _elements(text: str) -> Iterator[_Object]:
    """The elements of one list, one after the other: as one list they would take too much memory."""
    decoder, number, at = json.JSONDecoder(), 0, text.index("[") + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if text[at : at + 1] == "]":
            return
        number += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield number, "from here on the file is not JSON"
            return
        yield number, _flat(value)


def _flat(value: object) -> dict[str, Any] | str:
    """An object with what was measured of the answers beside its other values."""
    if not isinstance(value, dict):
        return "it is not a JSON object"
    more = value.get(METADATA)
    return {**value, **more} if isinstance(more, dict) else value


def _with_metadata(reading: Reading) -> Iterator[_Object]:
    for line, cells in reading.rows():
        if isinstance(cells, str):
            yield line, cells
        else:
            found = dict(zip(reading.columns, cells, strict=True))
            yield line, {**found, **measured(found[METADATA])}


def _of_objects(objects: Iterator[_Object]) -> Table:
    sample = list(islice(objects, _SAMPLE))
    columns = tuple(
        dict.fromkeys(chain.from_iterable(found for _, found in sample if isinstance(found, dict)))
    )
    if not columns:
        raise InvalidInput("The file has no JSON object in it.", what_to_do=_HELP)
    rows: Iterator[Row] = (
        (line, found if isinstance(found, str) else [plain(found.get(name)) for name in columns])
        for line, found in chain(sample, objects)
    )
    return Table(columns=columns, rows=rows)
