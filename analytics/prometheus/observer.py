"""Events of runs into instruments. On the run loop, for every event: what is no figure costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analytics.prometheus.labels import FirstNames, ModelNames

if TYPE_CHECKING:
    from analytics.prometheus.instruments import Instruments
    from core.events import (
        Attempt,
        Event,
        ReasoningStep,
        Route,
        RunStarted,
        TerminalEvent,
        Token,
        ToolEnd,
        UsageReported,
    )

LOCAL = "local"
_US = 1e-6
_PUSD = 1e-12
_ENDS = frozenset({"ok", "error", "broke_midstream", "cancelled"})
_KINDS = (
    ("cache_read_input_tokens", "cache_read_tokens"),
    ("cache_write_input_tokens", "cache_write_tokens"),
    ("reasoning_output_tokens", "reasoning_tokens"),
)


@dataclass(slots=True)
class _Open:
    """What of a run that goes on is needed at its end."""

    graph: str = "unknown"
    entry_point: str = "unknown"
    agent: str | None = None
    shown: bool = False
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Call id to first and last token of attempts whose usage has not come yet."""


class RunFigures:
    """One per process; called on one thread."""

    def __init__(self, instruments: Instruments, models: ModelNames) -> None:
        self._to = instruments
        self._models = models
        self._agents, self._tools, self._errors = FirstNames(), FirstNames(), FirstNames()
        self._providers, self._entry_points = FirstNames(32), FirstNames(16)
        self._open: dict[str, _Open] = {}

    def observe(self, event: Event) -> None:
        """May raise; whoever calls it counts that."""
        match event.type:
            case "token":
                self._token(event)
            case "heartbeat" | "thinking" | "tool_start" | "sources":
                pass
            case "run_started":
                self._begin(event)
            case "route":
                self._routed(event)
            case "attempt":
                if event.outcome in _ENDS:
                    self._attempt(event)
            case "usage":
                self._usage(event)
            case "reasoning_step":
                self._step(event)
            case "tool_end":
                self._tool(event)
            case _:
                self._end(event)

    def _begin(self, event: RunStarted) -> None:
        one = self._open.setdefault(event.run_id, _Open())
        one.graph, one.entry_point, one.agent = event.graph, event.entry_point, event.agent
        self._to.queue.observe(event.queue_us * _US)

    def _routed(self, event: Route) -> None:
        one = self._open.get(event.run_id)
        if one is not None:
            one.agent = event.agent

    def _token(self, event: Token) -> None:
        one = self._open.get(event.run_id)
        if one is None or one.shown or not event.text.strip():
            return
        one.shown = True
        agent = self._agents(one.agent)
        self._to.first_token.labels(agent).observe(event.elapsed_us * _US)

    def _attempt(self, event: Attempt) -> None:
        to = self._to
        of = self._call(event)
        error = "" if event.outcome == "ok" else event.error_type or event.outcome
        if event.duration_us is not None:
            to.operation.labels(*of, self._errors(error) if error else "").observe(
                event.duration_us * _US
            )
        if event.first_chunk_us is not None:
            to.first_chunk.labels(*of).observe(event.first_chunk_us * _US)
        if event.provider == LOCAL and event.outcome == "ok":
            if event.duration_us is not None:
                to.server_request.labels(*of).observe(event.duration_us * _US)
            if event.first_token_us is not None:
                to.server_first_token.labels(*of).observe(event.first_token_us * _US)
        if event.next_model is not None and event.next_model != event.model:
            to.fallbacks.labels(*of[1:]).inc()
        one = self._open.get(event.run_id)
        known = event.first_token_us is not None and event.last_token_us is not None
        if one is not None and known and event.outcome == "ok":
            assert event.first_token_us is not None
            assert event.last_token_us is not None
            one.spans[event.call_id] = (event.first_token_us, event.last_token_us)

    def _usage(self, event: UsageReported) -> None:
        to, of = self._to, self._call(event)
        for kind, count in (("input", event.input_tokens), ("output", event.output_tokens)):
            if count is not None:
                to.token_usage.labels(*of, kind).observe(count)
                to.tokens[f"{kind}_tokens"].labels(*of).inc(count)
        for name, attribute in _KINDS:
            if count := getattr(event, attribute):
                to.tokens[name].labels(*of).inc(count)
        if event.cost_pusd is None:
            to.unpriced.labels(*of[1:]).inc()
        else:
            to.cost.labels(*of[1:]).inc(event.cost_pusd * _PUSD)
        one = self._open.get(event.run_id)
        span = one.spans.pop(event.call_id, None) if one is not None else None
        if span is None or event.output_tokens is None or event.output_tokens < 2:
            return
        per_token = (span[1] - span[0]) * _US / (event.output_tokens - 1)
        to.per_token.labels(*of[1:]).observe(per_token)
        if event.provider == LOCAL:
            to.server_per_token.labels(*of).observe(per_token)

    def _step(self, event: ReasoningStep) -> None:
        """Agents only: what else a graph does has no name that is known before."""
        if event.agent is None or event.duration_us is None or event.name != event.agent:
            return
        error = "" if event.status == "ok" else event.status
        self._to.agent.labels(self._agents(event.agent), error).observe(event.duration_us * _US)

    def _tool(self, event: ToolEnd) -> None:
        if event.duration_us is not None:
            error = "tool_error" if event.error else ""
            tool = self._tools(event.name)
            self._to.tool.labels(tool, error).observe(event.duration_us * _US)

    def _end(self, event: TerminalEvent) -> None:
        one = self._open.pop(event.run_id, None) or _Open()
        error = self._errors(event.code) if event.type == "error" else ""
        self._to.workflow.labels(one.graph, error).observe(event.elapsed_us * _US)
        self._to.runs.labels(
            event.type, self._agents(one.agent), self._entry_points(one.entry_point)
        ).inc()
        if event.type == "cancelled":
            self._to.stop.observe(event.stop_us * _US)

    def _call(self, event: Attempt | UsageReported) -> tuple[str, str, str]:
        return "chat", self._providers(event.provider), self._models(event.model)
