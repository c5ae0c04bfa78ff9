"""A run as OpenAI's answer: whole, or in chunks as it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from agents.run_reader import RunLog
from api.completions.errors import error_dict, problem_dict
from api.completions.schemas import (
    AnswerMessage,
    Choice,
    Completion,
    CompletionDetails,
    Extension,
    FinishReason,
    PromptDetails,
    Usage,
)
from api.schemas import CitedSource
from api.streams import MAX_EVENTS
from api.wire import figures, to_bytes, to_json
from core.errors import ShuttingDown, SwitchboardError, http_status_of
from core.events import Event
from core.events_codec import TERMINAL_TYPES
from core.transcript import AnswerSummary, Transcript, summarise
from core.version import VERSION

FINGERPRINT = f"switchboard-{VERSION}"
DIVIDER = "\n\n---\n\n"
"""After text that was withdrawn: what a client has shown cannot be taken back in this protocol."""
_LENGTH = frozenset({"length", "max_tokens"})
_FILTER = frozenset({"content_filter", "content_filtered", "guardrail_intervened"})
_SOURCE = tuple(CitedSource.model_fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What every object about one answer says of it."""

    id: str
    created: int
    model: str
    """As the request called it."""
    thread_id: str | None


class NoAnswer(Exception):
    """A run that ended without an answer that this protocol can tell. Holds status and error."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.status, self.error = status, error


def completion(run: RunLog, named: Named) -> Completion:
    """The whole answer of an ended run. Raises NoAnswer."""
    transcript = Transcript()
    transcript.add_all(run.read())
    summary = summarise(transcript)
    message = AnswerMessage(content=transcript.text)
    return Completion(
        id=named.id,
        created=named.created,
        model=named.model,
        choices=[Choice(message=message, finish_reason=finish_of(summary))],
        usage=usage_of(transcript, summary),
        system_fingerprint=FINGERPRINT,
        switchboard=extension(run.id, summary, named.thread_id),
    )


def finish_of(summary: AnswerSummary) -> FinishReason:
    """Why the answer ended. Raises NoAnswer when there is none."""
    if summary.status == "completed":
        reason = summary.finish_reason or "stop"
        return "length" if reason in _LENGTH else "content_filter" if reason in _FILTER else "stop"
    if summary.error is not None:
        code = str(summary.error["code"])
        status = http_status_of(code)
        text = f"{summary.error['message']} {summary.error['what_to_do']}"
        raise NoAnswer(status, problem_dict(status, code, text))
    if summary.status == "interrupted":
        text = "The agent asks a person, which this protocol cannot tell. Use POST /api/chat."
        raise NoAnswer(400, problem_dict(400, "interrupt_unsupported", text))
    if summary.stopped_by == "shutdown":
        raise NoAnswer(
            503, error_dict(ShuttingDown("Switchboard was shut down while it answered."))
        )
    raise NoAnswer(409, problem_dict(409, "cancelled", "The answer was stopped."))


def usage_of(transcript: Transcript, summary: AnswerSummary) -> Usage | None:
    """Of all calls of the run; None when a part was not reported."""
    read, written = summary.input_tokens, summary.output_tokens
    if read is None or written is None:
        return None
    reasoning = sum(one.reasoning_tokens or 0 for one in transcript.usages.values())
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        total_tokens=read + written,
        prompt_tokens_details=PromptDetails(cached_tokens=summary.cache_read_tokens or 0),
        completion_tokens_details=CompletionDetails(reasoning_tokens=reasoning),
    )


def extension(run_id: str, summary: AnswerSummary, thread_id: str | None) -> Extension:
    of = figures(summary)
    return Extension(
        run_id=run_id,
        thread_id=thread_id,
        agent=summary.agent,
        model=summary.model,
        duration_ms=of["duration_ms"],
        first_token_ms=of["first_token_ms"],
        cost_usd=of["cost_usd"],
        cached=of["cached"],
        notice=summary.notice,
        sources=[
            CitedSource(**{name: one[name] for name in _SOURCE if name in one})
            for one in summary.sources
        ],
    )


class ChunkSource:
    """The chunks of one run, for `EventStream`."""

    def __init__(self, run: RunLog, named: Named, *, include_usage: bool) -> None:
        self._run, self._named = run, named
        self._with_usage = include_usage
        self._after, self._begun, self._shown = -1, False, False
        self.ended = False
        self.attach: Callable[[Callable[[], None]], None] = run.attach
        self.detach: Callable[[Callable[[], None]], None] = run.detach
        head = {
            "id": named.id,
            "object": "chat.completion.chunk",
            "created": named.created,
            "model": named.model,
            "system_fingerprint": FINGERPRINT,
        }
        usage = ',"usage":null' if include_usage else ""
        self._head = json.dumps(head, separators=(",", ":"))[:-1]
        self._before = f'data: {self._head}{usage},"choices":[{{"index":0,"delta":{{"content":'
        self._behind = '},"logprobs":null,"finish_reason":null}]}\n\n'

    def take(self) -> bytes:
        parts = (
            []
            if self._begun
            else [self._chunk({"role": "assistant", "content": "", "refusal": None})]
        )
        self._begun = True
        events = self._run.read(self._after)[:MAX_EVENTS]
        if events:
            self._after = events[-1].seq
            parts += [part for event in events for part in self._of(event)]
        return to_bytes("".join(parts))

    def stopped_by(self, error: SwitchboardError) -> bytes:
        return _data({"error": error_dict(error)})

    def _of(self, event: Event) -> Iterable[str]:
        if event.type == "token":
            self._shown = True
            yield f"{self._before}{encode_basestring(event.text)}{self._behind}"
        elif event.type == "attempt" and event.reset and self._shown:
            yield f"{self._before}{encode_basestring(DIVIDER)}{self._behind}"
        elif event.type in TERMINAL_TYPES:
            self.ended = True
            yield from self._end()

    def _end(self) -> Iterable[str]:
        transcript = Transcript()
        transcript.add_all(self._run.read())
        summary = summarise(transcript)
        try:
            reason = finish_of(summary)
        except NoAnswer as exc:
            yield _data({"error": exc.error}).decode()
            return
        more = extension(self._run.id, summary, self._named.thread_id).model_dump(mode="json")
        yield self._chunk({}, finish_reason=reason, switchboard=more)
        if self._with_usage:
            usage = usage_of(transcript, summary)
            kept = to_json(usage.model_dump() if usage else None)
            yield f'data: {self._head},"choices":[],"usage":{kept}}}\n\n'
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        if self._with_usage:
            more["usage"] = None
        rest = to_json({"choices": [choice], **more})
        return f"data: {self._head},{rest[1:]}\n\n"


def _data(value: object) -> bytes:
    return to_bytes(f"data: {to_json(value)}\n\n")
