"""Stream parts to events, as a table: the same parts give the same events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage

from agents.translate import Translator
from core.events import Attempt, Event, Route
from core.transcript import Transcript

AGENTS = frozenset({"billing", "technical"})


class Clock:
    """A second passes between any two looks at it."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        self.us += 1_000_000
        return self.us


def translate(*parts: dict[str, Any], finish: bool = True) -> list[Event]:
    translator = Translator(AGENTS, Clock())
    events = [event for part in parts for event in translator.translate(part)]
    return events + (list(translator.finish()) if finish else [])


def chunk(content: Any = "", id: str = "m1", last: bool = False, ns: tuple[str, ...] = (),
          agent: str | None = None, **kwargs: Any) -> dict[str, Any]:  # fmt: skip
    message = AIMessageChunk(
        content=content, id=id, chunk_position="last" if last else None, **kwargs
    )
    metadata = {"langgraph_node": "n"} | ({"agent": agent} if agent else {})
    return {"type": "messages", "ns": ns, "data": (message, metadata)}


def whole(message: Any) -> dict[str, Any]:
    return {"type": "messages", "ns": (), "data": (message, {})}


def task(name: str, id: str, ns: tuple[str, ...] = (), **end: Any) -> dict[str, Any]:
    data = {"id": id, "name": name} | (end or {"input": {}, "triggers": ()})
    return {"type": "tasks", "ns": ns, "data": data}


def tool(event: str, id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "tools", "ns": (), "data": {"event": event, "tool_call_id": id} | fields}


def texts(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(e.type, e.text) for e in events if e.type in ("token", "thinking")]  # type: ignore[union-attr]


TEXT_CASES: list[tuple[str, list[dict[str, Any]], list[tuple[str, str]]]] = [
    ("plain text", [chunk("Hel"), chunk("lo", last=True)], [("token", "Hel"), ("token", "lo")]),
    ("empty chunks give nothing", [chunk(""), chunk("a"), chunk("", last=True)], [("token", "a")]),
    (
        "list content as Bedrock sends it",
        [chunk([{"type": "text", "text": "a", "index": 0}]), chunk([]), chunk([{"index": 0}])],
        [("token", "a")],
    ),
    (
        "reasoning blocks are thinking",
        [
            chunk([{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}]),
            chunk([{"type": "thinking", "thinking": "well"}]),
            chunk([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]}]),
            chunk([{"type": "text", "text": "yes"}]),
        ],
        [("thinking", "hm"), ("thinking", "well"), ("thinking", "so"), ("token", "yes")],
    ),
    (
        "reasoning deltas of compatible servers",
        [chunk("", additional_kwargs={"reasoning_content": "hm"}), chunk("yes")],
        [("thinking", "hm"), ("token", "yes")],
    ),
    (
        "Nova's thinking text, cut anywhere",
        [chunk("<thin"), chunk("king>hm</thi"), chunk("nking>\n\nyes", last=True)],
        [("thinking", "hm"), ("token", "yes")],
    ),
    ("a lone bracket is not lost", [chunk("<"), chunk("", last=True)], [("token", "<")]),
    (
        "a stream that ends without its last chunk loses nothing",
        [chunk("<th")],
        [("token", "<th")],
    ),
    ("a message returned without streaming", [whole(AIMessage("hi", id="x"))], [("token", "hi")]),
    (
        "a streamed message that a node returns again is not repeated",
        [chunk("hi", id="x", last=True), whole(AIMessage("hi", id="x"))],
        [("token", "hi")],
    ),
    (
        "two messages are two paragraphs",
        [chunk("one", id="a", last=True), chunk("two", id="b", last=True)],
        [("token", "one"), ("token", "\n\n"), ("token", "two")],
    ),
    (
        "tool results and questions are not the answer",
        [whole(ToolMessage("4", tool_call_id="c")), whole(HumanMessage("q"))],
        [],
    ),
]


@pytest.mark.parametrize(
    ("parts", "expected"), [c[1:] for c in TEXT_CASES], ids=[c[0] for c in TEXT_CASES]
)
def test_text(parts: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    assert texts(translate(*parts)) == expected


def test_parallel_tool_calls_keep_their_own_times_and_errors() -> None:
    events = translate(
        tool("tool-started", "c1", tool_name="add", input={"a": 1}),
        tool("tool-started", "c2", tool_name="add", input={"b": "x"}),
        tool("tool-error", "c2", message="not a number"),
        tool("tool-finished", "c1", output=ToolMessage("3", tool_call_id="c1")),
    )
    assert [(e.type, e.tool_call_id) for e in events] == [  # type: ignore[union-attr]
        ("tool_start", "c1"), ("tool_start", "c2"), ("tool_end", "c2"), ("tool_end", "c1"),
    ]  # fmt: skip
    failed, done = events[2], events[3]
    assert (failed.error, failed.duration_us) == ("not a number", 1_000_000)  # type: ignore[union-attr]
    assert (done.output, done.error, done.duration_us) == ("3", None, 3_000_000)  # type: ignore[union-attr]
    assert events[0].input == '{"a": 1}'  # type: ignore[union-attr]


def test_a_tool_message_with_error_status_is_an_error() -> None:
    events = translate(
        tool("tool-started", "c", tool_name="t", input={}),
        tool("tool-finished", "c", output=ToolMessage("no", tool_call_id="c", status="error")),
    )
    assert events[1].error == "no"  # type: ignore[union-attr]


def test_a_large_tool_output_is_cut_and_its_size_kept() -> None:
    events = translate(
        tool("tool-started", "c", tool_name="t", input={"q": "x" * 9000}),
        tool("tool-finished", "c", output="é" * 1_000_000),
    )
    assert len(events[0].input) == 4000  # type: ignore[union-attr]
    assert (len(events[1].output), events[1].output_bytes) == (4000, 2_000_000)  # type: ignore[union-attr]


def test_nodes_of_subgraphs_two_deep_belong_to_the_agent_above_them() -> None:
    events = translate(
        task("billing", "t1"),
        task("plan", "t2", ns=("billing:t1",)),
        task("search", "t3", ns=("billing:t1", "plan:t2")),
        chunk("hi", ns=("billing:t1", "plan:t2")),
        task("search", "t3", ns=("billing:t1", "plan:t2"), error=None, result={}, interrupts=[]),
        task("plan", "t2", ns=("billing:t1",), error=ValueError("x"), result=None, interrupts=[]),
    )
    steps = [e for e in events if e.type == "reasoning_step"]
    assert [(s.name, s.parent_id, s.agent, s.status) for s in steps] == [  # type: ignore[union-attr]
        ("billing", None, "billing", "started"),
        ("plan", "t1", "billing", "started"),
        ("search", "t2", "billing", "started"),
        ("search", "t2", "billing", "ok"),
        ("plan", "t1", "billing", "error"),
    ]
    assert steps[-1].error == "ValueError"  # type: ignore[union-attr]
    token = next(e for e in events if e.type == "token")
    assert token.agent == "billing"  # type: ignore[union-attr]


def test_interrupts_at_any_depth_are_collected_once() -> None:
    translator = Translator(AGENTS, Clock())
    item = {"id": "i1", "value": {"q": "ok?"}, "response_schema": None}
    for part in (
        task("ask", "t2", ns=("billing:t1",), error=None, result={}, interrupts=[item]),
        task("billing", "t1", error=None, result={}, interrupts=[item]),
    ):
        list(translator.translate(part))
    assert [(i.id, i.value) for i in translator.interrupts.values()] == [("i1", '{"q": "ok?"}')]


def test_our_own_events_pass_and_foreign_custom_data_does_not() -> None:
    route = Route(agent="billing", decided_by="local", reason="r", duration_us=5)
    attempt = Attempt(
        call_id="c", logical_call_id="c", attempt=1, purpose="answer", model="m", provider="p",
        outcome="started",
    )  # fmt: skip
    parts = [
        {"type": "custom", "ns": (), "data": data} for data in (route, {"progress": 1}, attempt)
    ]
    assert translate(*parts) == [route, attempt]


def test_a_route_names_the_agent_of_what_follows() -> None:
    route = Route(agent="technical", decided_by="local", reason="r", duration_us=5)
    events = translate({"type": "custom", "ns": (), "data": route}, chunk("hi"))
    assert events[-1].agent == "technical"  # type: ignore[union-attr]


def test_what_was_open_is_closed_when_a_run_is_stopped() -> None:
    translator = Translator(AGENTS, Clock())
    for part in (task("billing", "t1"), tool("tool-started", "c", tool_name="t", input={})):
        list(translator.translate(part))
    closed = list(translator.close_steps())
    assert [(e.type, getattr(e, "status", None) or e.error) for e in closed] == [  # type: ignore[union-attr]
        ("reasoning_step", "cancelled"), ("tool_end", "stopped"),
    ]  # fmt: skip
    assert list(translator.close_steps()) == []


def test_unknown_parts_give_nothing() -> None:
    assert translate({"type": "values", "ns": (), "data": {}}) == []


def test_a_message_that_starts_again_keeps_its_separator_and_forgets_its_thinking() -> None:
    restart = Attempt(
        call_id="c", logical_call_id="c", attempt=1, purpose="answer", model="m", provider="p",
        outcome="broke_midstream", reset=True,
    )  # fmt: skip
    events = translate(
        chunk("one", id="a", last=True),
        chunk("two", id="b"),
        {"type": "custom", "ns": (), "data": restart},
        chunk("<thinking>hm</thinking>again", id="b", last=True),
    )
    transcript = Transcript()
    transcript.add_all(events)
    assert (transcript.text, transcript.thinking) == ("one\n\nagain", ["hm"])


def broken(**fields: Any) -> dict[str, Any]:
    attempt = Attempt(
        call_id="c", logical_call_id="c", attempt=1, purpose="answer", model="m", provider="p",
        **{"outcome": "broke_midstream"} | fields,
    )  # fmt: skip
    return {"type": "custom", "ns": (), "data": attempt}


def test_a_restart_of_a_message_that_had_shown_nothing_withdraws_nothing() -> None:
    """A model broke off while thinking: the message before it must stay, the answer must show."""
    events = translate(
        chunk("before", id="a", last=True),
        chunk("<thinking>hm", id="b"),
        broken(reset=True),
        chunk("the answer", id="b", last=True),
    )
    transcript = Transcript()
    transcript.add_all(events)
    assert (transcript.text, transcript.withdrawals) == ("before\n\nthe answer", 0)


def test_a_continuation_is_not_thinking_because_the_broken_part_was() -> None:
    events = translate(
        chunk("<thinking>hm", id="b"),
        broken(outcome="started", continued=True),
        chunk("the answer", id="b", last=True),
    )
    assert texts(events)[-1] == ("token", "the answer")
