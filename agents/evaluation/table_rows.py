"""The bytes of a question set as rows: JSON lines, a JSON list, or CSV. It does not know questions.

A row that cannot be read is given as a sentence and never stops those after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agents.evaluation.csv_rows import HELP, Row, csv_rows, lone_bytes
from core.errors import InvalidInput

Form = Literal["csv", "json"]
_LETTER = re.compile("[^\x00-\x7f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Table:
    form: Form
    rows: Iterator[Row]
    notes: tuple[str, ...] = ()
    """What is wrong with the file as a whole without making it useless."""


def read_table(data: bytes, file_name: str) -> Table:
    """The rows of a file. Raises InvalidInput for a file that is nothing of the kind."""
    if data[:2] == b"PK":
        raise InvalidInput("The file is a ZIP archive or a spreadsheet.", what_to_do=HELP)
    if data[:2] == b"\x1f\x8b":
        raise InvalidInput("The file is packed with gzip.", what_to_do="Unpack it first.")
    text = _decode(data)
    if not text.strip():
        raise InvalidInput("The file is empty.", what_to_do=HELP)
    ending = file_name.lower().rpartition(".")[2]
    first = text.lstrip()[0]
    if ending in ("csv", "tsv") or (
        ending not in ("json", "jsonl", "ndjson") and first not in "[{"
    ):
        text, notes = _without_lone_bytes(text)
        return Table("csv", csv_rows(text), notes)
    if first == "[" and (ending == "json" or _is_list(text)):
        return Table("json", _list_rows(text))
    return Table("json", _line_rows(text))


def _decode(data: bytes) -> str:
    """Text of UTF-8 or UTF-16; a byte that is no UTF-8 becomes a lone surrogate."""
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        if (start := data[:2_000]).count(0) * 3 > len(start):
            return data.decode("utf-16-le" if start[1::2].count(0) else "utf-16-be")
    except UnicodeDecodeError as exc:
        raise InvalidInput("The file is neither UTF-8 nor UTF-16 text.", what_to_do=HELP) from exc
    return data.decode("utf-8-sig", "surrogateescape")


def _without_lone_bytes(text: str) -> tuple[str, tuple[str, ...]]:
    """Reads a file without any UTF-8 in it as Windows does; single odd bytes stay lone."""
    if not lone_bytes(text) or _LETTER.search(text):
        return text, ()
    data = text.encode("utf-8", "surrogateescape")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text, ("The file is not UTF-8 and was read as Latin-1: look at letters with accents.",)


def _line_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line.strip():
            yield Row(number, line, lone_bytes(line) or _object(line))


def _object(line: str) -> Mapping[str, Any] | str:
    try:
        return _checked(json.loads(line, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as exc:
        return f"The row is not JSON: {_reason(exc)}."


def _is_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _list_rows(text: str) -> Iterator[Row]:
    """Item after item, so that what is broken does not take those before it along."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    at, line, seen = text.index("[") + 1, 1, 0
    while True:
        at = _skip(text, at, " \t\r\n")
        line, seen = line + text.count("\n", seen, at), at
        if text[at : at + 1] == "]":
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            rest = text[at : at + 400]
            yield Row(line, rest, f"From here on the file is not JSON: {_reason(exc)}.")
            return
        item = text[at:end]
        yield Row(line, item, lone_bytes(item) or _checked(value))
        at = _skip(text, end, " \t\r\n")
        if text[at : at + 1] == ",":
            at += 1


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def _checked(value: object) -> Mapping[str, Any] | str:
    if isinstance(value, dict):
        return value
    return 'The row is not an object such as {"question": "..."}.'


def _reason(exc: Exception) -> str:
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)[:120]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
