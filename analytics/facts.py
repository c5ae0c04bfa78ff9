"""Folds one run's events, as they come, into what the rows are made of. Pure: no clock, no storage.

Every time comes from `elapsed_us` (one monotonic clock) and the run's start; the wall clock in
`at_us` is never read, so a clock that jumps cannot make a duration wrong. Rows: analytics/rows.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from analytics.content import Said
from analytics.slo import Slo
from analytics.spans import Span
from core.events import (
    ATTACHED_FILE,
    CACHE,
    Attempt,
    Event,
    ReasoningStep,
    Route,
    RunStarted,
    Source,
    Sources,
    TerminalEvent,
    ToolEnd,
    ToolStart,
    UsageReported,
)

# Attempts and usage show nothing by themselves, heartbeats only repeat what is known.
_UNSEEN = frozenset({"run_started", "heartbeat", "attempt", "usage"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMeta:
    """What is known of a run from its start. `started_at_us` is UTC, the rest labels."""

    run_id: str
    thread_id: str
    started_at_us: int
    user_id: str | None = None
    entry_point: str = "chat"
    environment: str | None = None
    app_version: str | None = None
    graph: str | None = None
    stream: bool = True
    slo: Slo = field(default_factory=Slo)
    content_mode: str = "off"
    import_id: str | None = None


@dataclass(kw_only=True, slots=True)
class StepFact:
    """A node, tool call or retrieval. Times are microseconds since the run was submitted."""

    step_id: str
    parent_id: str | None
    operation: str
    agent: str | None
    start_us: int
    end_us: int | None = None
    status: str = "started"
    error_type: str | None = None
    node: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    retrieval_mode: str | None = None
    retrieval_hits: int | None = None
    retrieval_top_score: float | None = None
    documents: frozenset[str] = frozenset()
    """What a retrieval found passages of."""
    input_bytes: int | None = None
    output_bytes: int | None = None

    def span(self, run_end_us: int) -> Span:
        """A step nobody closed lasted until the run ended."""
        return self.start_us, run_end_us if self.end_us is None else self.end_us


@dataclass(kw_only=True, slots=True)
class CallFact:
    """One attempt at one model: its last `Attempt` event and what it used."""

    attempt: Attempt
    step_id: str | None
    start_us: int
    end_us: int | None = None
    usage: UsageReported | None = None

    def span(self, run_end_us: int) -> Span:
        return self.start_us, run_end_us if self.end_us is None else self.end_us


@dataclass(kw_only=True, slots=True)
class RunFold:
    """Mutable on purpose: `add` runs on the run loop for every token of every answer."""

    meta: RunMeta
    started: RunStarted | None = None
    terminal: TerminalEvent | None = None
    routes: list[Route] = field(default_factory=list)
    route_spans: list[Span] = field(default_factory=list)
    steps: dict[str, StepFact] = field(default_factory=dict)
    calls: dict[str, CallFact] = field(default_factory=dict)
    first_event_us: int | None = None
    first_token_us: int | None = None
    failed_in: str | None = None
    """Operation of the last step that failed."""
    speaker: str | None = None
    """The agent of the last token: who produced the answer."""
    said: tuple[Said, ...] = ()
    """What is to be kept of its words; made into texts on the writer's thread."""
    _sources_seen: set[int] = field(default_factory=set)
    _early_usage: dict[str, UsageReported] = field(default_factory=dict)

    @property
    def agent(self) -> str | None:
        """Who answers, as far as it is known: the speaker, the routed or the pinned agent."""
        if self.speaker is not None:
            return self.speaker
        if self.routes:
            return self.routes[-1].agent
        return self.started.agent if self.started else None

    def add(self, event: Event) -> None:
        """Folds one event. A token costs one comparison and one assignment."""
        if event.type == "token":
            if self.first_token_us is None:
                self._first_text(event.text, event.elapsed_us)
            self.speaker = event.agent
            return
        if self.first_event_us is None and event.type not in _UNSEEN:
            self.first_event_us = event.elapsed_us
        match event.type:
            case "run_started":
                self.started = event
            case "route":
                self._route(event)
            case "reasoning_step":
                self._node(event)
            case "tool_start" | "tool_end":
                self._tool(event)
            case "sources":
                self._retrieval(event)
            case "attempt":
                self._attempt(event)
            case "usage":
                self._usage(event)
            case "completed" | "error" | "cancelled" | "interrupted":
                self.terminal = event
            case "thinking" | "heartbeat":
                pass
            case _:
                assert_never(event)

    def _first_text(self, text: str, elapsed_us: int) -> None:
        """The first token a person can see: blanks alone do not count, as on the page."""
        if self.first_event_us is None:
            self.first_event_us = elapsed_us
        if text.strip():
            self.first_token_us = elapsed_us

    def _route(self, event: Route) -> None:
        self.routes.append(event)
        self.route_spans.append((max(0, event.elapsed_us - event.duration_us), event.elapsed_us))
        node = self._open_step(None)
        if node is not None:
            self.steps[node].operation = "plan"

    def _node(self, event: ReasoningStep) -> None:
        step = self.steps.get(event.step_id)
        if event.status == "started":
            parent = self.steps.get(event.parent_id or "")
            inside = parent is not None and parent.agent == event.agent
            self.steps[event.step_id] = StepFact(
                step_id=event.step_id,
                parent_id=event.parent_id,
                operation="invoke_agent" if event.agent and not inside else "node",
                agent=event.agent,
                start_us=event.elapsed_us,
                node=event.name,
            )
        elif step is not None:
            step.end_us, step.status, step.error_type = event.elapsed_us, event.status, event.error
            if event.status == "error":
                self.failed_in = step.operation

    def _tool(self, event: ToolStart | ToolEnd) -> None:
        step_id = f"tool:{event.tool_call_id}"
        if event.type == "tool_start":
            self.steps[step_id] = StepFact(
                step_id=step_id,
                parent_id=self._open_step(event.agent),
                operation="execute_tool",
                agent=event.agent,
                start_us=event.elapsed_us,
                tool_name=event.name,
                tool_call_id=event.tool_call_id,
                input_bytes=len(event.input.encode("utf-8", "replace")),
            )
            return
        step = self.steps.get(step_id)
        if step is None:
            return
        step.end_us, step.output_bytes = event.elapsed_us, event.output_bytes
        step.status = "ok" if event.error is None else "error"
        if event.error == "stopped":  # how the runtime closes what was open when a run ended
            step.status = "cancelled"
        elif event.error is not None:
            # The event carries the tool's own words; the column is for counting kinds.
            step.error_type = "tool_error"
            self.failed_in = step.operation

    def _retrieval(self, event: Sources) -> None:
        if event.mode == "none" or any(c.attempt.provider == CACHE for c in self.calls.values()):
            return  # nothing was searched: shown again with an earlier answer
        # A later event of the same run repeats the sources of the earlier ones, numbered on.
        fresh = [s for s in event.sources if s.n not in self._sources_seen]
        self._sources_seen.update(s.n for s in fresh)
        scores = [s.score for s in fresh if s.score is not None]
        step_id = f"retrieval:{event.seq}"
        self.steps[step_id] = StepFact(
            step_id=step_id,
            parent_id=self._open_step(event.agent),
            operation="retrieval",
            agent=event.agent,
            start_us=max(0, event.elapsed_us - event.duration_us),
            end_us=event.elapsed_us,
            status="ok",
            retrieval_mode=event.mode,
            retrieval_hits=len(fresh),
            retrieval_top_score=max(scores, default=None),
            documents=frozenset(s.document for s in fresh if _is_everybodys(s)),
            output_bytes=sum(len(s.text.encode("utf-8", "replace")) for s in fresh),
        )

    def _attempt(self, event: Attempt) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            # An end without a start (a call that failed while it was built) spans its own duration.
            lasted = event.duration_us or 0
            call = self.calls[event.call_id] = CallFact(
                attempt=event,
                step_id=self._open_step(event.agent),
                start_us=max(0, event.elapsed_us - lasted),
                usage=self._early_usage.pop(event.call_id, None),
            )
        call.attempt = event
        if event.outcome != "started":
            call.end_us = event.elapsed_us
            # While something keeps the loop busy, the start is noted late; the duration was measured
            # where the call was made.
            if event.duration_us is not None:
                call.start_us = max(0, min(call.start_us, event.elapsed_us - event.duration_us))
            self._began_by(call.step_id, call.start_us)

    def _usage(self, event: UsageReported) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            self._early_usage[event.call_id] = event
        else:
            call.usage = event

    def _began_by(self, step_id: str | None, at_us: int) -> None:
        """A step began before what happened in it."""
        while step_id is not None and (step := self.steps.get(step_id)) is not None:
            step.start_us = min(step.start_us, at_us)
            step_id = step.parent_id

    def _open_step(self, agent: str | None) -> str | None:
        """The innermost open node, of this agent if it has one: parallel agents overlap."""
        nodes = [
            s for s in reversed(self.steps.values()) if s.end_us is None and s.node is not None
        ]
        own = [s for s in nodes if agent is not None and s.agent == agent]
        best = own or nodes
        return best[0].step_id if best else None


def _is_everybodys(source: Source) -> bool:
    """Whether it is of the documents, and not somebody's file or note: those have names that say
    what their owner wrote. Areas of notes have a slash in their name, those of folders have none."""
    return source.document != ATTACHED_FILE and "/" not in source.area
