"""Tools that do nothing before a person has said yes.

`needs_approval(tool)` is the one line. The tool keeps its name, description and arguments; when a model
calls it the run waits, a person approves, changes the arguments, or rejects, and only then the tool
runs. The question has the form of LangChain's human-in-the-loop middleware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Send, interrupt
from pydantic import BaseModel, ValidationError

from core.interrupt_form import Decision

REJECTED = "A person rejected this call"
_ASKED: tuple[Decision, ...] = ("approve", "edit", "reject")


def needs_approval(
    tool: BaseTool, *, decisions: Sequence[Decision] = _ASKED, description: str = ""
) -> BaseTool:
    """The same tool, run only as far as a person approves. Also a decorator above `@tool`.

    `decisions`: what the person may do; `respond` lets them answer in the tool's place.
    `description`: a sentence for them; by default the first line of the tool's own.
    """
    shown = description or tool.description.strip().partition("\n")[0]

    async def ask(**given: Any) -> Any:
        # A graph begins its step anew when it goes on: nothing may happen above this line.
        answer = interrupt(_question(tool, given, decisions, shown))
        decided = _first_decision(answer)
        kind = decided.get("type")
        if kind not in decisions:
            return f"{REJECTED} of {tool.name}. It was not run."
        if kind == "approve":
            return await _run(tool, given)
        if kind == "respond":
            return str(decided.get("message") or "")
        if kind == "edit":
            return await _run_edited(tool, given, decided)
        reason = str(decided.get("message") or "").strip()
        why = f" The reason given: {reason}" if reason else ""
        return (
            f"{REJECTED} of {tool.name}. It was not run; do not call it again unless asked to.{why}"
        )

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.args_schema or tool.get_input_schema(),
        coroutine=ask,
        return_direct=tool.return_direct,
        tags=tool.tags,
        metadata=tool.metadata,
    )


def one_task_per_call(messages: Sequence[AnyMessage], node: str = "tools") -> list[Send] | str:
    """The conditional edge from a model to its `ToolNode`: "__end__" when no tool was called.

    Each call becomes a task of its own. In one task, a call that was approved would run once more
    when a later one is: a task that waits is begun anew.
    """
    last = messages[-1] if messages else None
    if not isinstance(last, AIMessage) or not last.tool_calls:
        return "__end__"
    return [Send(node, [{**call, "type": "tool_call"}]) for call in last.tool_calls]


def _question(
    tool: BaseTool, given: Mapping[str, Any], decisions: Sequence[Decision], description: str
) -> dict[str, Any]:
    schema = tool.tool_call_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        schema = schema.model_json_schema()
    properties = schema.get("properties") if isinstance(schema, dict) else None
    # What LangGraph injects (state, store) is neither a person's business nor JSON.
    args = {name: value for name, value in given.items() if not properties or name in properties}
    review = {"action_name": tool.name, "allowed_decisions": list(decisions), "args_schema": schema}
    return {
        "action_requests": [{"name": tool.name, "args": args, "description": description}],
        "review_configs": [review],
    }


def _first_decision(answer: Any) -> Mapping[str, Any]:
    """{} for what is no answer to such a question: nothing is run then."""
    decisions = answer.get("decisions") if isinstance(answer, Mapping) else None
    first = decisions[0] if isinstance(decisions, list) and decisions else None
    return first if isinstance(first, Mapping) else {}


async def _run_edited(tool: BaseTool, given: Mapping[str, Any], decided: Mapping[str, Any]) -> Any:
    action = decided.get("edited_action")
    args = action.get("args") if isinstance(action, Mapping) else None
    if not isinstance(args, Mapping):
        return f"{REJECTED} of {tool.name}. It was not run."
    try:
        result = await _run(tool, {**given, **args})
    except ValidationError as exc:
        return f"The changed arguments of {tool.name} do not fit: {exc.errors()[0]['msg']}. It was not run."
    return f"A person changed the arguments to {dict(args)} before it ran. {result}"


async def _run(tool: BaseTool, args: Mapping[str, Any]) -> Any:
    # Without callbacks: the call is reported once, by the tool around this one.
    return await tool.ainvoke(dict(args), {"callbacks": []})
