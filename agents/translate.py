"""LangGraph stream parts to typed events. The only file that knows the shape of stream parts.

Modes consumed (`version="v2"`, `subgraphs=True`): `messages` for text, `tasks` for nodes and
interrupts, `tools` for tool calls, `custom` for events that our own nodes and models emit.

`Translator.translate` depends only on the parts it was given and the clock passed in: the same
parts give the same events, which is how its table tests work. One instance per run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents.thinking import ThinkingSplitter
from core.events import (
    Event,
    Interrupt,
    ReasoningStep,
    Thinking,
    Token,
    ToolEnd,
    ToolStart,
)
from core.events_codec import EVENT_TYPES

STREAM_MODES = ["messages", "tasks", "tools", "custom"]
_CUT = 4_000
_CUT_QUESTION = 400_000
"""Of what a graph asks people: half a question could not be answered."""


class Translator:
    """State of one run's translation: what was already shown, who speaks, what is open."""

    def __init__(self, agents: frozenset[str], clock_us: Callable[[], int]) -> None:
        """`agents`: node names that are agents. `clock_us`: monotonic microseconds."""
        self._agents = agents
        self._clock_us = clock_us
        self._shown: set[str] = set()
        self._splitters: dict[str, ThinkingSplitter] = {}
        self._last_message = ""
        self._message_before = ""
        self._last_chunk = ""
        """Message of the last chunk, with or without text."""
        self._open: dict[str, tuple[ReasoningStep, int]] = {}
        self._step_agents: dict[str, str] = {}
        self._tools: dict[str, tuple[str, int]] = {}
        self.interrupts: dict[str, Interrupt] = {}
        self.node: str | None = None
        self.agent: str | None = None

    def translate(self, part: Mapping[str, Any]) -> Iterator[Event]:
        """Zero or more drafts for one stream part. Unknown kinds give none."""
        kind, ns, data = part["type"], tuple(part.get("ns") or ()), part["data"]
        if kind == "messages":
            yield from self._message(data[0], data[1])
        elif kind == "custom":
            if getattr(data, "type", None) in EVENT_TYPES:
                yield from self._own_event(data)
        elif kind == "tools":
            yield from self._tool(data, ns)
        elif kind == "tasks":
            yield from self._task(data, ns)

    def finish(self) -> Iterator[Event]:
        """What was held back: text that began like a thinking tag and never became one."""
        for message_id, splitter in self._splitters.items():
            yield from self._pieces(splitter.flush(), message_id, self.agent)
        self._splitters.clear()

    def close_steps(self, status: str = "cancelled") -> Iterator[Event]:
        """Ends for steps and tools that were open when the run was stopped or failed."""
        for step, started in reversed(self._open.values()):
            yield self._ended(step, started, "cancelled" if status == "cancelled" else "error")
        for call_id, (name, started) in self._tools.items():
            yield ToolEnd(
                tool_call_id=call_id,
                name=name,
                duration_us=self._clock_us() - started,
                error="stopped",
                agent=self.agent,
            )
        self._open.clear()
        self._tools.clear()

    # -- text

    def _message(self, message: Any, metadata: Mapping[str, Any]) -> Iterator[Event]:
        if message.type not in ("ai", "AIMessageChunk"):
            return
        message_id = message.id or ""
        whole = message.type == "ai"
        if whole and message_id in self._shown:
            return  # returned by a node after it was streamed
        self._shown.add(message_id)
        self._last_chunk = message_id
        agent = metadata.get("agent") or metadata.get("lc_agent_name") or self.agent
        reasoning = message.additional_kwargs.get("reasoning_content")
        if reasoning:
            yield Thinking(text=str(reasoning), agent=agent)
        splitter = self._splitters.get(message_id)
        if splitter is None:
            splitter = self._splitters[message_id] = ThinkingSplitter()
        for block_kind, text in _blocks(message.content):
            if block_kind == "thinking":
                yield Thinking(text=text, agent=agent)
            else:
                yield from self._pieces(splitter.feed(text), message_id, agent)
        if whole or getattr(message, "chunk_position", None) == "last":
            self._splitters.pop(message_id)
            yield from self._pieces(splitter.flush(), message_id, agent)

    def _pieces(
        self, pieces: Sequence[tuple[str, str]], message_id: str, agent: str | None
    ) -> Iterator[Event]:
        for kind, text in pieces:
            if not text:
                continue
            if kind == "thinking":
                yield Thinking(text=text, agent=agent)
                continue
            if message_id != self._last_message:
                if self._last_message:
                    yield Token(text="\n\n", message_id=message_id, agent=agent)
                self._message_before, self._last_message = self._last_message, message_id
            yield Token(text=text, message_id=message_id, agent=agent)

    def _own_event(self, event: Any) -> Iterator[Event]:
        if event.type == "token":
            yield from self._pieces([("text", event.text)], event.message_id, event.agent)
            return
        if event.type == "route":
            self.agent = event.agent
        if event.type == "attempt":
            event = self._begun_again(event)
        yield event

    def _begun_again(self, event: Any) -> Any:
        """After a restart or at a continuation nothing of the broken text is held back any more."""
        if event.outcome != "started" and not event.reset:
            return event
        self._splitters.pop(self._last_chunk, None)
        if not event.reset:
            return event
        if self._last_message != self._last_chunk:  # it had shown no text: nothing to withdraw
            return replace(event, reset=False)
        self._last_message = self._message_before  # the separator is withdrawn with the text
        return event

    # -- nodes

    def _task(self, data: Mapping[str, Any], ns: tuple[str, ...]) -> Iterator[Event]:
        task_id, name = str(data["id"]), str(data["name"])
        if "input" in data:
            parent = ns[-1].rpartition(":")[2] if ns else None
            agent = name if name in self._agents else self._step_agents.get(parent or "")
            if agent:
                self._step_agents[task_id] = agent
                self.agent = agent
            self.node = name
            step = ReasoningStep(
                step_id=task_id, parent_id=parent, name=name, agent=agent, status="started"
            )
            self._open[task_id] = (step, self._clock_us())
            yield step
            return
        for item in data.get("interrupts") or ():
            interrupt = _interrupt(item)
            self.interrupts[interrupt.id] = interrupt
        if task_id in self._open:
            step, started = self._open.pop(task_id)
            error = data.get("error")
            yield self._ended(step, started, "error" if error else "ok", error)

    def _ended(
        self, step: ReasoningStep, started: int, status: Any, error: object = None
    ) -> ReasoningStep:
        return ReasoningStep(
            step_id=step.step_id,
            parent_id=step.parent_id,
            name=step.name,
            agent=step.agent,
            status=status,
            duration_us=self._clock_us() - started,
            error=type(error).__name__ if isinstance(error, BaseException) else None,
        )

    # -- tools

    def _tool(self, data: Mapping[str, Any], ns: tuple[str, ...]) -> Iterator[Event]:
        call_id = str(data.get("tool_call_id") or "")
        what = data.get("event")
        if what == "tool-started":
            name = str(data.get("tool_name") or "tool")
            self._tools[call_id] = (name, self._clock_us())
            yield ToolStart(
                tool_call_id=call_id, name=name, input=_json(data.get("input")), agent=self.agent
            )
        elif what in ("tool-finished", "tool-error") and call_id in self._tools:
            name, started = self._tools.pop(call_id)
            output = data.get("output")
            text = _text_of(getattr(output, "content", output)) if output is not None else ""
            failed = data.get("message") if what == "tool-error" else None
            if getattr(output, "status", "") == "error":
                failed = text
            yield ToolEnd(
                tool_call_id=call_id,
                name=name,
                output=text[:_CUT],
                output_bytes=len(text.encode("utf-8", "replace")),
                duration_us=self._clock_us() - started,
                error=str(failed)[:500] if failed else None,
                agent=self.agent,
            )


def _blocks(content: Any) -> Iterator[tuple[str, str]]:
    """("text" | "thinking", piece) of a message's content in any provider's form."""
    if isinstance(content, str):
        if content:
            yield "text", content
        return
    for block in content or ():
        if isinstance(block, str):
            yield "text", block
            continue
        kind = block.get("type")
        if kind in ("text", "output_text") or (kind is None and "text" in block):
            yield "text", str(block.get("text") or "")
        elif kind in ("reasoning", "thinking", "reasoning_content"):
            yield "thinking", _reasoning_text(block)


def _reasoning_text(block: Mapping[str, Any]) -> str:
    inner = block.get("reasoning_content")
    if isinstance(inner, Mapping):
        return str(inner.get("text") or "")
    for key in ("reasoning", "thinking", "text"):
        if isinstance(block.get(key), str):
            return str(block[key])
    summary = block.get("summary") or ()
    return "".join(str(item.get("text", "")) for item in summary if isinstance(item, Mapping))


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(text for kind, text in _blocks(content) if kind == "text") or _json(content)
    return _json(content)


def _json(value: Any, cut: int = _CUT) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:cut]


def _interrupt(item: Any) -> Interrupt:
    fields = item if isinstance(item, Mapping) else vars(item)
    schema = fields.get("response_schema")
    return Interrupt(
        id=str(fields.get("id")),
        value=_json(fields.get("value"), _CUT_QUESTION),
        response_schema=_json(schema, _CUT_QUESTION) if schema else None,
    )
