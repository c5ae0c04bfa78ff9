"""A run's log folded into what a person sees. One fold for the page, the saved answer and export.

`Transcript.add` takes the events in order; at any moment its fields are the state of the answer.
What is shown is what is saved, because both read `text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, Literal

from core.events import (
    Attempt,
    EarlierAnswer,
    Event,
    Failed,
    Interrupted,
    Route,
    Sources,
    UsageReported,
)

SEPARATOR = "\n\n"
WHOLE = ("stop", "end_turn", "stop_sequence")
"""Why a model stopped, when its answer is whole."""
Status = Literal["running", "completed", "error", "cancelled", "interrupted", "lost"]


@dataclass(kw_only=True, slots=True)
class Step:
    step_id: str
    parent_id: str | None
    name: str
    agent: str | None
    status: str = "started"
    started_us: int = 0
    duration_us: int | None = None


@dataclass(kw_only=True, slots=True)
class ToolCall:
    tool_call_id: str
    name: str
    input: str
    output: str | None = None
    error: str | None = None
    started_us: int = 0
    duration_us: int | None = None


@dataclass(kw_only=True, slots=True)
class Transcript:
    """Mutable on purpose: it is folded once per event, thousands of times a second."""

    pieces: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    status: Status = "running"
    agent: str | None = None
    node: str | None = None
    queued: bool = False
    queue_position: int | None = None
    withdrawals: int = 0
    """How often text that was already shown was taken back."""
    route: Route | None = None
    sources: Sources | None = None
    earlier: EarlierAnswer | None = None
    steps: dict[str, Step] = field(default_factory=dict)
    tools: dict[str, ToolCall] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    usages: dict[str, UsageReported] = field(default_factory=dict)
    ttft_us: int | None = None
    """Submit to the first answer token shown."""
    duration_us: int | None = None
    finish_reason: str | None = None
    notice: str | None = None
    failure: Failed | None = None
    interrupted: Interrupted | None = None
    tokens_after_stop: int | None = None
    stop_us: int | None = None
    stopped_by: str | None = None
    still_running: tuple[str, ...] = ()
    """What a stop could not interrupt."""
    _message_id: str = ""
    _message_start: int = 0
    _uncounted_chars: int = 0
    """Written since a model last reported what it used."""

    @property
    def text(self) -> str:
        """The visible answer so far."""
        return "".join(self.pieces)

    def output_so_far(self, chars_per_token: float) -> int:
        """Output tokens of all calls: as reported, and an estimate of what is being written.

        The same estimate that a stopped call gets, so that a count does not jump when it ends.
        """
        reported = sum(usage.output_tokens or 0 for usage in self.usages.values())
        return reported + self.being_written(chars_per_token)

    def being_written(self, chars_per_token: float) -> int:
        """The estimate alone; 0 once the model has reported."""
        return ceil(self._uncounted_chars / chars_per_token)

    @property
    def written_out(self) -> bool:
        """Whether a log without an end holds a whole answer: the model had said its last word.

        False while anything else was under way, such as a tool.
        """
        answer = _answer_attempt(self)
        if self.status != "running" or answer is None or not self.text.strip():
            return False
        idle = all(tool.output is not None or tool.error for tool in self.tools.values())
        return answer.outcome == "ok" and answer.finish_reason in WHOLE and idle

    def add_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Folds one event."""
        match event.type:
            case "token":
                self._add_token(event.text, event.message_id, event.elapsed_us)
            case "thinking":
                self.thinking.append(event.text)
                self._uncounted_chars += len(event.text)
            case "route":
                self.route, self.agent = event, event.agent
            case "sources":
                self.sources = event
            case "attempt":
                self.attempts[event.call_id] = event
                if event.reset:
                    del self.pieces[self._message_start :]
                    self.withdrawals += 1
            case "usage":
                self.usages[event.call_id] = event
                if event.earlier is not None:  # nobody was routed to
                    self.earlier, self.agent = event.earlier, event.agent
                if event.purpose == "answer":
                    self._uncounted_chars = 0
            case "heartbeat":
                self.queued = event.state == "queued"
                self.queue_position = event.queue_position
            case "run_started":
                self.queued, self.agent = False, event.agent
                if event.begun:
                    self.pieces.append(event.begun)
                    self._message_start = 1
            case "reasoning_step" | "tool_start" | "tool_end":
                self._add_step(event)
            case _:
                self._end(event)

    def _add_token(self, text: str, message_id: str, elapsed_us: int) -> None:
        self._uncounted_chars += len(text)
        if message_id != self._message_id:
            if text == SEPARATOR:  # ours, between two messages
                self._uncounted_chars -= len(text)
            self._message_id, self._message_start = message_id, len(self.pieces)
        if self.ttft_us is None and text.strip():
            self.ttft_us = elapsed_us
        self.pieces.append(text)

    def _add_step(self, event: Event) -> None:
        match event.type:
            case "reasoning_step" if event.status == "started":
                self.node = event.name
                self.agent = event.agent or self.agent
                self.steps[event.step_id] = Step(
                    step_id=event.step_id,
                    parent_id=event.parent_id,
                    name=event.name,
                    agent=event.agent,
                    started_us=event.elapsed_us,
                )
            case "reasoning_step" if event.step_id in self.steps:
                step = self.steps[event.step_id]
                step.status, step.duration_us = event.status, event.duration_us
            case "tool_start":
                self.tools[event.tool_call_id] = ToolCall(
                    tool_call_id=event.tool_call_id,
                    name=event.name,
                    input=event.input,
                    started_us=event.elapsed_us,
                )
            case "tool_end" if event.tool_call_id in self.tools:
                tool = self.tools[event.tool_call_id]
                tool.output, tool.error = event.output, event.error
                tool.duration_us = event.duration_us

    def _end(self, event: Event) -> None:
        self.duration_us = event.elapsed_us
        match event.type:
            case "completed":
                self.status = "completed"
                self.finish_reason, self.notice = event.finish_reason, event.notice
            case "error":
                self.status, self.failure = "error", event
            case "cancelled":
                self.status, self.stopped_by = "cancelled", event.by
                self.tokens_after_stop, self.stop_us = event.tokens_after_stop, event.stop_us
                self.still_running = event.still_running
            case "interrupted":
                self.status, self.interrupted = "interrupted", event


@dataclass(frozen=True, kw_only=True)
class AnswerSummary:
    """What stands under an answer. Stored beside it as JSON, so that history needs no replay.

    Times in microseconds, cost in pico-USD; None = unknown.
    """

    status: Status = "completed"
    agent: str | None = None
    model: str | None = None
    """The model that wrote the answer (the last one, after a fallback)."""
    ttft_us: int | None = None
    duration_us: int | None = None
    tokens_per_s: float | None = None
    """Decode speed of the answer call: (output tokens - 1) / (last token - first token)."""
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    output_tokens: int | None = None
    usage_estimated: bool = False
    cost_pusd: int | None = None
    cost_complete: bool = True
    calls: int = 0
    fallbacks: list[dict[str, Any]] = field(default_factory=list)
    """Failed attempts: model, error_type, error_message, next_model."""
    route: dict[str, Any] | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    source_mode: str | None = None
    earlier: dict[str, Any] | None = None
    """The answer that was repeated instead of asking a model: core/events.py EarlierAnswer."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    thinking: str = ""
    notice: str | None = None
    finish_reason: str | None = None
    error: dict[str, Any] | None = None
    interrupts: list[dict[str, Any]] = field(default_factory=list)
    stop_us: int | None = None
    tokens_after_stop: int | None = None
    stopped_by: str | None = None
    still_running: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AnswerSummary:
        """From its stored form; fields of other versions are ignored."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in data.items() if key in known})


def summarise(transcript: Transcript) -> AnswerSummary:
    """The summary of a transcript; may be asked for while the run goes on."""
    answer = _answer_attempt(transcript)
    usages = list(transcript.usages.values())
    # Requests that failed before anything came back used nothing; that is known, not unknown.
    nothing = 0 if not usages and _all_failed_at_once(transcript) else None
    usage = transcript.usages.get(answer.call_id) if answer else None
    route = transcript.route
    failure = transcript.failure
    earlier = transcript.earlier
    return AnswerSummary(
        status=transcript.status,
        agent=transcript.agent,
        model=earlier.model if earlier else answer.model if answer else None,
        ttft_us=transcript.ttft_us,
        duration_us=transcript.duration_us,
        tokens_per_s=decode_speed(answer, usage),
        input_tokens=_known_sum((u.input_tokens for u in usages), nothing),
        cache_read_tokens=_known_sum(u.cache_read_tokens for u in usages),
        output_tokens=_known_sum((u.output_tokens for u in usages), nothing),
        usage_estimated=any(u.source != "provider" for u in usages),
        cost_pusd=_known_sum((u.cost_pusd for u in usages), nothing),
        cost_complete=all(u.cost_pusd is not None for u in usages),
        calls=len(transcript.attempts),
        fallbacks=[
            {
                "model": a.model,
                "error_type": a.error_type,
                "error_message": a.error_message,
                "next_model": a.next_model,
                "purpose": a.purpose,
            }
            for a in transcript.attempts.values()
            if a.outcome in ("error", "broke_midstream")
        ],
        route=_slim(route) if route else None,
        sources=[asdict(s) for s in transcript.sources.sources] if transcript.sources else [],
        source_mode=transcript.sources.mode if transcript.sources else None,
        earlier=asdict(earlier) if earlier else None,
        steps=[asdict(s) for s in transcript.steps.values()],
        tools=[asdict(t) for t in transcript.tools.values()],
        thinking="".join(transcript.thinking)[:20_000],
        notice=transcript.notice,
        finish_reason=transcript.finish_reason,
        error=_slim(failure) if failure else None,
        interrupts=[asdict(i) for i in transcript.interrupted.interrupts]
        if transcript.interrupted
        else [],
        stop_us=transcript.stop_us,
        tokens_after_stop=transcript.tokens_after_stop,
        stopped_by=transcript.stopped_by,
        still_running=list(transcript.still_running),
    )


def decode_speed(attempt: Attempt | None, usage: UsageReported | None) -> float | None:
    """Tokens per second while decoding, 1/TPOT: (N - 1) / (t_N - t_1); None when N < 2.

    N is without reasoning that was counted but not streamed: it was made before the first token.
    """
    if attempt is None or usage is None or usage.output_tokens is None:
        return None
    if attempt.first_token_us is None or attempt.last_token_us is None:
        return None
    span = attempt.last_token_us - attempt.first_token_us
    hidden = attempt.first_token_us == attempt.first_answer_us
    shown = usage.output_tokens - (usage.reasoning_tokens or 0 if hidden else 0)
    if shown < 2 or span <= 0:
        return None
    return (shown - 1) / (span / 1e6)


def _answer_attempt(transcript: Transcript) -> Attempt | None:
    answers = [a for a in transcript.attempts.values() if a.purpose == "answer"]
    ok = [a for a in answers if a.outcome not in ("error", "broke_midstream")]
    chosen = ok or answers
    return chosen[-1] if chosen else None


def _known_sum(values: Iterable[int | None], otherwise: int | None = None) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else otherwise


def _all_failed_at_once(transcript: Transcript) -> bool:
    attempts = transcript.attempts.values()
    return bool(attempts) and all(
        a.outcome == "error" and a.first_chunk_us is None for a in attempts
    )


def _slim(event: Any) -> dict[str, Any]:
    data = asdict(event)
    for key in ("run_id", "seq", "at_us", "elapsed_us"):
        data.pop(key)
    return data
