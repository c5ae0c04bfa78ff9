"""Values of foreign files as they can be kept: checked, cleaned, never trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from agents.exchange.limits import (
    MAX_TAG_CHARS,
    MAX_TAGS,
    MAX_TEXT_CHARS,
    MAX_THINKING_CHARS,
    MAX_TITLE_CHARS,
)
from core.conversation import Rating
from core.errors import InvalidInput
from core.events import Source
from core.text import clean
from core.transcript import AnswerSummary, ToolCall

LAST_US = 253_402_300_799_000_000
"""The end of the year 9999."""
TOOL_CHARS = 20_000


def mapping(value: object) -> Mapping[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text without control characters; "" for anything else. Raises InvalidInput: too long."""
    if not isinstance(value, str):
        return ""
    if len(value) > MAX_TEXT_CHARS:
        raise InvalidInput(
            f"One of its messages has {len(value):,} characters; at most {MAX_TEXT_CHARS:,} are read."
        )
    return clean(value)


def line(value: object, limit: int = 200) -> str:
    """The same as one line of at most `limit` characters."""
    if not isinstance(value, str):
        return ""
    found = " ".join(clean(value[: 10 * limit]).split())
    return found if len(found) <= limit else found[: limit - 1] + "…"


def title(value: object, otherwise: str = "") -> str:
    """A title; without one the beginning of `otherwise`."""
    return line(value, MAX_TITLE_CHARS) or line(otherwise, 60) or "Imported chat"


def tags(value: object) -> tuple[str, ...]:
    """Names from a list of texts or of objects with a name."""
    found: dict[str, None] = {}
    for one in value if isinstance(value, list) else ():
        name = line(one.get("name") if isinstance(one, dict) else one, MAX_TAG_CHARS)
        if name:
            found[name] = None
    return tuple(found)[:MAX_TAGS]


def moment(value: object) -> int | None:
    """UTC microseconds from seconds, milliseconds, an ISO time or MongoDB's form of one."""
    if isinstance(value, dict):
        value = value.get("$date", value.get("$numberLong"))
    if isinstance(value, str):
        try:
            return moment(float(value))
        except ValueError:
            return _iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 < value < 1e18:  # also not a number
        return None
    unit = 1 if value > 1e14 else 1_000 if value > 1e11 else 1_000_000
    at_us = round(value * unit)
    return at_us if at_us <= LAST_US else None


def _iso(value: str) -> int | None:
    try:
        at = datetime.fromisoformat(value.strip()[:40])
        at_us = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
        return None
    return at_us if 0 < at_us <= LAST_US else None


def number(value: object) -> int | None:
    """A count; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
        return None
    return value


def tool(call_id: str, name: object, given: object, output: str | None) -> dict[str, Any]:
    """A tool call as summaries keep it."""
    return asdict(
        ToolCall(
            tool_call_id=line(call_id, 100),
            name=line(name, 100) or "tool",
            input=as_text(given)[:TOOL_CHARS],
            output=None if output is None else output[:TOOL_CHARS],
        )
    )


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    if isinstance(value, str):
        return clean(value)
    if value is None:
        return ""
    import json

    return clean(json.dumps(value, ensure_ascii=False, default=str))


def source(n: int, name: object, address: object, words: object) -> dict[str, Any]:
    """A citation as summaries keep it. The address is text: nothing fetches it."""
    url = line(address, 500)
    shown = line(name, 200) or url or f"Source {n}"
    passage = "\n\n".join(part for part in (as_text(words)[:4_000].strip(), url) if part)
    return asdict(
        Source(n=n, passage_id=f"import-{n}", document=url or shown, title=shown, area="import",
               text=passage)
    )  # fmt: skip


def answer(
    *,
    model: object = None,
    thinking: str = "",
    tools: list[dict[str, Any]] | None = None,
    sources: list[dict[str, Any]] | None = None,
    **facts: Any,
) -> AnswerSummary:
    """What is known of a foreign answer."""
    return AnswerSummary(
        model=line(model, 200) or None,
        thinking=clean(thinking)[:MAX_THINKING_CHARS].strip(),
        tools=tools or [],
        sources=sources or [],
        **facts,
    )


def attached(names: list[str]) -> str:
    """Files an export names without their content, as a line of the message."""
    return "".join(f"\n[Attached: {name}]" for name in dict.fromkeys(names) if name)


def rating(thumb: int, reason: str, comment: object) -> Rating:
    """A foreign rating. Its reason is none of ours, so it stands in the comment."""
    words = [reason.replace("_", " "), line(comment, 2_000)]
    return Rating(thumb=thumb, comment=": ".join(word for word in words if word))
