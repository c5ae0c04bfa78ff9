"""Values of this program's own format, checked before anything trusts them.

A file that says it is ours may be anybody's: pages read summaries and logs without looking twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from functools import cache
from typing import Annotated, Any, Literal

from agents.exchange.fields import LAST_US
from core.errors import InvalidInput
from core.events import EVENT_CLASSES, Event, Interrupt, Source, Token
from core.transcript import AnswerSummary, Step, ToolCall

MAX_EVENTS = 200_000
SOME_TEXT = 255
REQUEST: Mapping[str, type | tuple[type, ...]] = {
    "agent": str, "model": str, "fallback": bool, "entry_point": str, "stream": bool,
    "temperature": (int, float), "retrieval": str, "prompt": str, "edits": str, "answers": str,
    "continues": str, "resumes": str,
}  # fmt: skip
"""What of a run's request is kept, and of what type it is."""


@dataclass(kw_only=True, slots=True)
class _Fallback:
    model: str
    error_type: str | None
    error_message: str | None
    next_model: str | None


@dataclass(kw_only=True, slots=True)
class _Error:
    code: str
    message: str
    what_to_do: str


@dataclass(kw_only=True, slots=True)
class _Route:
    agent: str
    decided_by: str
    reason: str


@cache
def _adapters() -> dict[str, Any]:
    from pydantic import Discriminator, TypeAdapter

    union: Any = EVENT_CLASSES[0]
    for one in EVENT_CLASSES[1:]:
        union = union | one
    return {
        "summary": TypeAdapter(AnswerSummary),
        "sources": TypeAdapter(list[Source]),
        "steps": TypeAdapter(list[Step]),
        "tools": TypeAdapter(list[ToolCall]),
        "interrupts": TypeAdapter(list[Interrupt]),
        "fallbacks": TypeAdapter(list[_Fallback]),
        "error": TypeAdapter(_Error | None),
        "route": TypeAdapter(_Route | None),
        "event": TypeAdapter(Annotated[union, Discriminator("type")]),
    }


def summary(value: object) -> AnswerSummary:
    """Raises InvalidInput for one a page could not show."""
    from pydantic import ValidationError

    given = value if isinstance(value, dict) else {}
    adapters = _adapters()
    try:
        found: AnswerSummary = adapters["summary"].validate_python(given)
        for name in ("sources", "steps", "tools", "interrupts", "fallbacks", "error", "route"):
            adapters[name].validate_python(getattr(found, name))
    except ValidationError as exc:
        raise InvalidInput(
            f"The facts of one of its answers cannot be read: {_where(exc)}."
        ) from exc
    return found


def events(lines: object, run_id: str, started_at_us: int) -> list[Event]:
    """The log of a run from its lines. Raises InvalidInput."""
    from pydantic import ValidationError

    if not isinstance(lines, list) or len(lines) > MAX_EVENTS:
        raise InvalidInput("The log of one of its runs cannot be read.")
    adapter = _adapters()["event"]
    found: list[Event] = []
    speaker: tuple[str, str | None] = ("", None)
    for seq, line in enumerate(lines):
        try:
            if isinstance(line, list):
                elapsed, text = line
                event = Token(text=str(text), message_id=speaker[0], agent=speaker[1])
            else:
                elapsed = line.get("elapsed_us", 0)
                event = adapter.validate_python(line)
            if not isinstance(elapsed, int) or not 0 <= elapsed <= LAST_US:
                raise ValueError("elapsed_us")
        except (ValidationError, ValueError, TypeError, AttributeError) as exc:
            raise InvalidInput(
                f"The log of one of its runs cannot be read: event {seq + 1:,}."
            ) from exc
        if event.type == "token":
            speaker = (event.message_id, event.agent)
        found.append(
            replace(
                event, run_id=run_id, seq=seq, elapsed_us=elapsed, at_us=started_at_us + elapsed
            )
        )
    return found


def request(value: object) -> dict[str, Any]:
    """What is known of it, of the right type."""
    given = value if isinstance(value, dict) else {}
    return {
        name: given[name]
        for name, kind in REQUEST.items()
        if isinstance(given.get(name), kind) and len(str(given[name])) <= SOME_TEXT
    }


def moment(value: object, name: str) -> int:
    """Raises InvalidInput when it is no time in microseconds."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LAST_US:
        raise InvalidInput(f"'{name}' is not a time in microseconds.")
    return value


def optional_moment(value: object, name: str) -> int | None:
    return None if value is None else moment(value, name)


def words(value: object, name: str, limit: int) -> str:
    """Raises InvalidInput when it is no text, or a longer one. Nothing else is changed."""
    if not isinstance(value, str):
        raise InvalidInput(f"'{name}' is not a text.")
    if len(value) > limit:
        raise InvalidInput(f"'{name}' has {len(value):,} characters; at most {limit:,} are read.")
    return value.encode("utf-8", "replace").decode()


def role(value: object) -> Literal["user", "assistant"]:
    if value == "user":
        return "user"
    if value == "assistant":
        return "assistant"
    raise InvalidInput("One of its messages is of nobody: 'role' is neither user nor assistant.")


def without_defaults(found: AnswerSummary) -> dict[str, Any]:
    """The fields that say something."""
    plain = AnswerSummary()
    return {
        one.name: value
        for one in fields_of(found)
        if (value := getattr(found, one.name)) != getattr(plain, one.name)
    }


def _where(exc: Any) -> str:
    place = exc.errors(include_url=False, include_input=False)[0]["loc"]
    return ".".join(str(part) for part in place)[:100] or "its form"
