"""Events as other programs get them: the same JSON over SSE, over the socket and in `/events`.

It is the event's stored form (docs/technical/events.schema.json) with the thread's id; a token also
has its text as `content`; the terminal event also says what the answer took. Tokens are most of what
is sent, so their JSON is put together by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any

from core.errors import SwitchboardError
from core.events import Event, Token
from core.events_codec import TERMINAL_TYPES, to_dict
from core.transcript import AnswerSummary, Transcript, summarise

PUSD = 1_000_000_000_000


def event_dict(event: Event, thread_id: str, log: Iterable[Event] = ()) -> dict[str, Any]:
    """`log`: the whole log, for the figures of a terminal event; otherwise it is not read."""
    out = to_dict(event) | {"thread_id": thread_id}
    if event.type == "token":
        out["content"] = event.text
    elif event.type in TERMINAL_TYPES:
        out |= figures_of(log)
    return out


def event_json(event: Event, thread_id: str, log: Iterable[Event] = ()) -> str:
    """The same as one line of JSON."""
    if event.type == "token":
        return _token(event, thread_id)
    return to_json(event_dict(event, thread_id, log))


def sse(data: str, event: str, seq: int | None = None) -> str:
    """One message of an event stream. `data` is JSON, and so has no line ends. Without `seq` a client
    that comes back goes on where it was before."""
    number = "" if seq is None else f"id: {seq}\n"
    return f"{number}event: {event}\ndata: {data}\n\n"


def to_json(value: object) -> str:
    """Compact JSON of a value that is ours."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_bytes(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which a model can send, becomes a question mark."""
    return text.encode("utf-8", "replace")


def figures_of(log: Iterable[Event]) -> dict[str, Any]:
    """What an answer took, from the events of its run. Unknown is None."""
    transcript = Transcript()
    for event in log:
        # Of the text only when it began counts: folding thousands of tokens would hold up others.
        if event.type != "token" or transcript.ttft_us is None:
            transcript.add(event)
    return figures(summarise(transcript))


def figures(summary: AnswerSummary) -> dict[str, Any]:
    """The same from what is kept with an answer."""
    return {
        "tokens": {"input": summary.input_tokens, "output": summary.output_tokens},
        "duration_ms": _ms(summary.duration_us),
        "first_token_ms": _ms(summary.ttft_us),
        "cost_usd": cost_usd(summary),
        "cached": summary.earlier["kind"] if summary.earlier else None,
    }


def cost_usd(summary: AnswerSummary) -> float | None:
    """None also when the price of a part is not known: half a cost is no cost."""
    if summary.cost_pusd is None or not summary.cost_complete:
        return None
    return summary.cost_pusd / PUSD


def error_dict(error: SwitchboardError) -> dict[str, Any]:
    """The value of `error` in every answer that is one."""
    return {
        "code": error.code,
        "message": error.message,
        "what_to_do": error.what_to_do,
        "retryable": error.retryable,
    }


def ended_by(error: SwitchboardError, run_id: str, thread_id: str) -> dict[str, Any]:
    """The last event of a stream that ends although its run goes on; it is in no log."""
    of = {"type": "error", "run_id": run_id, "thread_id": thread_id}
    return of | error_dict(error)


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000


def _token(event: Token, thread_id: str) -> str:
    text = encode_basestring(event.text)
    message = f',"message_id":{encode_basestring(event.message_id)}' if event.message_id else ""
    agent = "" if event.agent is None else f',"agent":{encode_basestring(event.agent)}'
    return (
        f'{{"run_id":"{event.run_id}","seq":{event.seq},"at_us":{event.at_us},'
        f'"elapsed_us":{event.elapsed_us},"type":"token","text":{text}{message}{agent},'
        f'"thread_id":"{thread_id}","content":{text}}}'
    )
