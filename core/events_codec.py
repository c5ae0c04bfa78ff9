"""Events to and from JSON-ready dictionaries. Nothing else knows their stored form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from core.events import EVENT_CLASSES, Candidate, EarlierAnswer, Event, Interrupt, Source

TERMINAL_TYPES = frozenset({"completed", "error", "cancelled", "interrupted"})


def event_type(cls: type[Event]) -> str:
    """The literal `type` of an event class."""
    return str(next(f.default for f in fields(cls) if f.name == "type"))


_BY_TYPE: dict[str, type[Event]] = {event_type(cls): cls for cls in EVENT_CLASSES}
EVENT_TYPES = frozenset(_BY_TYPE)
_PARTS: dict[tuple[str, str], type[Any]] = {
    ("route", "candidates"): Candidate,
    ("sources", "sources"): Source,
    ("interrupted", "interrupts"): Interrupt,
    ("usage", "earlier"): EarlierAnswer,
}


def is_terminal(event: Event) -> bool:
    """True for the one event that ends a run."""
    return event.type in TERMINAL_TYPES


def to_dict(event: Any) -> dict[str, Any]:
    """A JSON-ready dictionary. Fields at their default are left out, envelope and type never."""
    out: dict[str, Any] = {}
    for f in fields(event):
        value = getattr(event, f.name)
        if f.name not in _ALWAYS and f.default is not MISSING and value == f.default:
            continue
        if isinstance(value, tuple):
            value = [to_dict(item) if is_dataclass(item) else item for item in value]
        elif is_dataclass(value):
            value = to_dict(value)
        out[f.name] = value
    return out


_ALWAYS = frozenset({"type", "run_id", "seq", "at_us", "elapsed_us"})


def from_dict(data: Mapping[str, Any]) -> Event:
    """The event of a stored dictionary. Unknown fields are ignored: newer logs stay readable.

    Raises ValueError when the type is unknown or a required field is missing.
    """
    cls = _BY_TYPE.get(str(data.get("type")))
    if cls is None:
        raise ValueError(f"unknown event type: {data.get('type')!r}")
    known = {f.name for f in fields(cls)}
    values = {key: value for key, value in data.items() if key in known}
    for key, value in values.items():
        part = _PARTS.get((event_type(cls), key))
        if part is not None and isinstance(value, Mapping):
            values[key] = part(**value)
        if isinstance(value, list):
            values[key] = tuple(part(**item) if part else item for item in value)
    try:
        return cls(**values)
    except TypeError as exc:
        raise ValueError(f"event {data.get('type')!r} is incomplete: {exc}") from exc
