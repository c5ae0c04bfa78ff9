"""What a person wants new chats to start with and answers to show. Values; agents/preference_store.py
keeps them.

Every value is checked in one place, whether it comes from a page, a file or the database. What is
kept and cannot be used any more counts as not chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from agents.graphs import GRAPHS
from agents.system_note import checked_note
from core.comparison import MAX_TEMPERATURE
from core.errors import InvalidInput

Fact = Literal["agent", "model", "first_token", "total", "speed", "tokens", "cost", "time"]
FACTS: tuple[Fact, ...] = get_args(Fact)
AUTOMATIC_AGENT = "supervisor"
AUTOMATIC_MODEL = ""
MAX_MODEL_CHARS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """The defaults are what somebody gets who never chose anything."""

    agent: str = AUTOMATIC_AGENT
    """ "graph" or "graph/agent"."""
    model: str = AUTOMATIC_MODEL
    """A model id; "" is the configured chain. It may be one that is not configured any more."""
    streaming: bool = True
    temperature: float | None = None
    """None: the configured one."""
    note: str = ""
    """Sent to the model with every question of the chat; see agents/notes.py."""
    timezone: str = ""
    """An IANA name; "" is the browser's."""
    facts: tuple[Fact, ...] = FACTS
    """What the line under an answer says, in the order of FACTS."""
    sources: bool = True
    steps: bool = True
    run_link: bool = True
    """Whether a link under an answer leads to how it came about."""


NAMES: tuple[str, ...] = tuple(one.name for one in fields(Preferences))
DEFAULTS = Preferences()


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """Preferences made of foreign values, and what of them could not be used."""

    preferences: Preferences
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Name to why its value cannot be used; it stays as it was."""
    unknown: tuple[str, ...] = ()
    """Names that mean nothing here."""


def read(values: Mapping[str, Any], base: Preferences = DEFAULTS) -> Read:
    """`base` with the values that can be used. Never raises for a value."""
    from dataclasses import replace

    good: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name in NAMES:
        if name in values:
            try:
                good[name] = checked(name, values[name])
            except InvalidInput as exc:
                wrong[name] = exc.message
    unknown = tuple(name for name in values if name not in NAMES)
    return Read(preferences=replace(base, **good), wrong=wrong, unknown=unknown)


def checked(name: str, value: object) -> Any:
    """The value as it is kept. Raises InvalidInput for one that cannot be, and for an unknown name."""
    if name not in _CHECKS:
        raise InvalidInput("There is no such preference.", what_to_do="Choose another.")
    return _CHECKS[name](value)


def as_values(preferences: Preferences) -> dict[str, Any]:
    """Ready for JSON, in the order people read them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name in NAMES
        for value in [getattr(preferences, name)]
    }


def checked_temperature(value: object) -> float | None:
    """None, or a number of two decimals. Raises InvalidInput."""
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_TEMPERATURE:  # type: ignore[operator]
        raise InvalidInput(
            f"The temperature is not a number from 0 to {MAX_TEMPERATURE:g}.",
            what_to_do="Choose another temperature.",
        )
    return round(float(value), 2)  # type: ignore[arg-type]


def _agent(value: object) -> str:
    for one in GRAPHS:
        if one.listed and value in (one.name, *(f"{one.name}/{agent}" for agent in one.agents)):
            return str(value)
    raise InvalidInput("There is no such agent.")


def _model(value: object) -> str:
    if (
        isinstance(value, str)
        and len(value) <= MAX_MODEL_CHARS
        and (not value or value.isprintable())
    ):
        return value
    raise InvalidInput("It is not the id of a model.")


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidInput("It is neither true nor false.")


def _zone(value: object) -> str:
    from zoneinfo import ZoneInfo

    if value == "":
        return ""
    try:
        return ZoneInfo(value).key  # type: ignore[arg-type]
    except (ValueError, KeyError, OSError, TypeError, AttributeError) as exc:
        raise InvalidInput("It is not a time zone of the IANA list, such as Europe/Paris.") from exc


def _facts(value: object) -> tuple[Fact, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise InvalidInput("It is not a list of names.")
    if set(value) - set(FACTS):
        raise InvalidInput(f"It may name only: {', '.join(FACTS)}.")
    return tuple(fact for fact in FACTS if fact in value)


_CHECKS: Mapping[str, Callable[[object], Any]] = {
    "agent": _agent,
    "model": _model,
    "streaming": _yes_or_no,
    "temperature": checked_temperature,
    "note": checked_note,
    "timezone": _zone,
    "facts": _facts,
    "sources": _yes_or_no,
    "steps": _yes_or_no,
    "run_link": _yes_or_no,
}
