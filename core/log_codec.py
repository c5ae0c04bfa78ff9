"""A run's event log as bytes: JSON lines, zlib-compressed, adjacent tokens kept small.

Line 1 is a header. A token with the same message and agent as the token before it is the pair
[elapsed_us, text]; every other event is its dictionary. `seq` is the position and `at_us` is
started_at_us + elapsed_us, so neither is stored. Decoding gives back equal events.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from core.events import EVENT_SCHEMA_VERSION, Event, Token
from core.events_codec import from_dict, to_dict

_DERIVED = ("run_id", "seq", "at_us")


def encode_log(events: Sequence[Event]) -> bytes:
    """The bytes of a log, or of a part of one (the first event's `seq` is kept)."""
    header = {"v": EVENT_SCHEMA_VERSION, "first": events[0].seq if events else 0}
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in [header, *to_lines(events)])
    return zlib.compress(text.encode("utf-8", "replace"), 3)


def to_lines(events: Iterable[Event]) -> list[Any]:
    """The events as JSON-ready values, without the header."""
    lines: list[Any] = []
    speaker: tuple[str, str | None] | None = None
    for event in events:
        if event.type == "token":
            if speaker == (event.message_id, event.agent):
                lines.append((event.elapsed_us, event.text))
                continue
            speaker = (event.message_id, event.agent)
        lines.append({k: v for k, v in to_dict(event).items() if k not in _DERIVED})
    return lines


def decode_log(payload: bytes, *, run_id: str, started_at_us: int) -> list[Event]:
    """The events of `encode_log`. Raises ValueError when the bytes are damaged."""
    try:
        lines = [json.loads(line) for line in zlib.decompress(payload).decode().split("\n")]
        return list(_events(lines[1:], lines[0]["first"], run_id, started_at_us))
    except (zlib.error, UnicodeDecodeError, KeyError, TypeError, IndexError) as exc:
        raise ValueError(f"the log of run {run_id} is damaged") from exc


def _events(lines: Iterable[Any], first: int, run_id: str, started_at_us: int) -> Iterable[Event]:
    speaker: tuple[str, str | None] = ("", None)
    for seq, line in enumerate(lines, start=first):
        if isinstance(line, list):
            elapsed, text = line
            yield Token(
                run_id=run_id,
                seq=seq,
                at_us=started_at_us + elapsed,
                elapsed_us=elapsed,
                text=text,
                message_id=speaker[0],
                agent=speaker[1],
            )
            continue
        elapsed = line["elapsed_us"]
        event = from_dict({**line, "run_id": run_id, "seq": seq, "at_us": started_at_us + elapsed})
        if event.type == "token":
            speaker = (event.message_id, event.agent)
        yield event
