"""Cells as values. What cannot be meant is refused with a reason, never mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.imports.mapping import CONSTANT_FIELDS, ColumnMapping, Field
from analytics.imports.source import Cells, Reading
from core.errors import InvalidInput

MAX_TEXT = 300
MAX_TOKENS = 10**9
MAX_US = 7 * 24 * 3_600 * 10**6
MAX_COST_PUSD = 10_000 * 10**12
EARLIEST_US = 946_684_800_000_000
"""2000-01-01: an earlier call is a unit mistaken for another."""
CLOCK_US = 5 * 60 * 10**6
"""How far another machine's clock may be ahead."""
_SCALE: Mapping[str, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}

CallStatus = Literal["ok", "error", "timeout", "cancelled"]
_STATUS: Mapping[CallStatus, str] = {
    "ok": "ok success succeeded successful completed complete done stop default debug warning "
    "true finished",
    "error": "error failed failure fail false exception internal_error broke_midstream",
    "timeout": "timeout timed_out timedout",
    "cancelled": "cancelled canceled aborted stopped",
}
_WORDS = {word: status for status, words in _STATUS.items() for word in words.split()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call as a file tells it. Unknown is None."""

    started_at_us: int
    model: str
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    first_token_us: int | None = None
    duration_us: int | None = None
    status: CallStatus = "ok"
    cost_pusd: int | None = None
    user: str | None = None
    thread: str | None = None
    agent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row that was not taken. `line`: in the file, 1 is the header."""

    line: int
    reason: str
    text: str = ""
    """The cell, shortened."""


class Bad(Exception):
    """A cell that cannot be used."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason, self.text = reason, text


def calls(
    reading: Reading, mapping: ColumnMapping, now_us: int, rows_since_us: int = 0
) -> Iterator[Call | Rejected]:
    """Every row of a file as a call or as rejected with its reason. Raises InvalidInput.

    `rows_since_us`: older rows were deleted from the database, and their figures cannot grow.
    """
    mapping.check_columns(reading.columns)
    parse = _parser(reading.columns, mapping, (max(EARLIEST_US, rows_since_us), now_us))
    for line, cells in reading.rows():
        if isinstance(cells, str):
            yield Rejected(line=line, reason=cells)
            continue
        try:
            yield parse(cells)
        except Bad as bad:
            yield Rejected(line=line, reason=bad.reason, text=_shown(bad.text))


def _parser(
    columns: tuple[str, ...], mapping: ColumnMapping, between_us: tuple[int, int]
) -> Callable[[Cells], Call]:
    readers = _readers(mapping, between_us)
    plan = [
        (name, columns.index(column), readers[name]) for name, column in mapping.columns.items()
    ]
    constants = _constants(mapping)

    def parse(cells: Cells) -> Call:
        given = dict(constants)
        for name, index, read in plan:
            cell = cells[index].strip()
            if cell:
                given[_TARGETS.get(name, name)] = read(name, cell)
        return _checked(given, mapping)

    return parse


def _constants(mapping: ColumnMapping) -> dict[str, object]:
    given: dict[str, object] = {}
    for name, value in mapping.constants.items():
        if name in CONSTANT_FIELDS and name not in mapping.columns and value.strip():
            try:
                given[name] = text(name, value)
            except Bad as bad:
                raise InvalidInput(f"The fixed value cannot be used: {bad.reason}.") from bad
    return given


_TARGETS: Mapping[Field, str] = {
    "started_at": "started_at_us",
    "first_token": "first_token_us",
    "duration": "duration_us",
    "cost_usd": "cost_pusd",
}


def _checked(given: dict[str, object], mapping: ColumnMapping) -> Call:
    if "started_at_us" not in given:
        raise Bad("no time")
    if mapping.no_output_is_failure and given.get("output_tokens") == 0:
        given.setdefault("status", "error")
    given.setdefault("model", "unknown")
    call = Call(**given)  # type: ignore[arg-type]
    if _over(call.cache_read_tokens, call.input_tokens):
        raise Bad("more cached than input tokens", str(call.cache_read_tokens))
    if _over(call.first_token_us, call.duration_us):
        raise Bad("the first token comes after the end", str(call.first_token_us))
    return call


def _over(part: int | None, whole: int | None) -> bool:
    return part is not None and whole is not None and part > whole


Read = Callable[[Field, str], object]


def _readers(mapping: ColumnMapping, between_us: tuple[int, int]) -> Mapping[Field, Read]:
    moment = _moment(mapping, *between_us)
    return {
        "started_at": moment,
        "model": text,
        "provider": text,
        "user": text,
        "thread": text,
        "agent": text,
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_tokens": tokens,
        "first_token": _duration(_SCALE[mapping.first_token_unit]),
        "duration": _duration(_SCALE[mapping.duration_unit]),
        "status": status,
        "cost_usd": cost,
    }


def text(name: Field, cell: str) -> str:
    """A name. Raises Bad."""
    cell = cell.strip()
    if len(cell) > MAX_TEXT:
        raise Bad(f"{name} is longer than {MAX_TEXT} characters", cell)
    if not cell.isprintable():  # control characters, and bytes that are no UTF-8
        raise Bad(f"{name} is not readable text", cell)
    return cell


def number(name: Field, cell: str) -> Decimal:
    """A finite number from 0 up. Raises Bad."""
    if len(cell) > 40:
        raise Bad(f"{name} is too long for a number", cell)
    try:
        value = Decimal(cell)
    except InvalidOperation:
        raise Bad(f"{name} is not a number", cell) from None
    if not value.is_finite():
        raise Bad(f"{name} is not finite", cell)
    if value < 0:
        raise Bad(f"{name} is negative", cell)
    if value.adjusted() > 20:
        raise Bad(f"{name} is too large", cell)
    return value


def tokens(name: Field, cell: str) -> int:
    """A whole count. Raises Bad."""
    value = number(name, cell)
    if value != value.to_integral_value():
        raise Bad(f"{name} is not a whole number", cell)
    if value > MAX_TOKENS:
        raise Bad(f"{name} is too large", cell)
    return int(value)


def cost(name: Field, cell: str) -> int:
    """US dollars in pico-USD. Raises Bad."""
    pusd = int((number(name, cell.removeprefix("$")) * 10**12).to_integral_value())
    if pusd > MAX_COST_PUSD:
        raise Bad(f"{name} is too large", cell)
    return pusd


def status(name: Field, cell: str) -> CallStatus:
    """Words and HTTP status codes. Raises Bad."""
    word = cell.lower().replace(" ", "_")
    if word.isdecimal() and len(word) == 3:
        code = int(word)
        return "ok" if code < 400 else "timeout" if code in (408, 504) else "error"
    if word not in _WORDS:
        raise Bad("status is not a known word", cell)
    return _WORDS[word]


def _duration(scale: int) -> Read:
    def read(name: Field, cell: str) -> int:
        us = int((number(name, cell) * scale).to_integral_value())
        if us > MAX_US:
            raise Bad(f"{name} is longer than a week", cell)
        return us

    return read


def _moment(mapping: ColumnMapping, since_us: int, now_us: int) -> Read:
    zone = ZoneInfo(mapping.time_zone)
    kind, _, unit = mapping.time_format.partition("_")
    scale = _SCALE.get(unit, 1)
    start_us = 0
    if kind == "relative" and mapping.start_date is not None:
        start_us = _epoch_us(datetime.combine(mapping.start_date, time(), zone))

    def read(name: Field, cell: str) -> int:
        if kind == "iso":
            us = _epoch_us(_iso(cell, zone))
        else:
            us = start_us + int((number(name, cell) * scale).to_integral_value())
        if us < EARLIEST_US:
            raise Bad("the time is before the year 2000", cell)
        if us < since_us:
            raise Bad("calls of that time were deleted, and their figures can no longer grow", cell)
        if us > now_us + CLOCK_US:
            raise Bad("the time is in the future", cell)
        return us

    return read


def _iso(cell: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(cell) if len(cell) <= 40 else None
    except ValueError:
        found = None
    if found is None:
        raise Bad("the time is not in ISO format", cell)
    return found if found.tzinfo else found.replace(tzinfo=zone)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _epoch_us(at: datetime) -> int:
    """Whole microseconds, without a float in between."""
    try:
        return (at - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise Bad("the time is out of range", str(at)) from None


def _shown(cell: str) -> str:
    return cell[:60].encode("utf-8", "replace").decode("utf-8")
