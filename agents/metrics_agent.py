"""The data specialist: questions about this installation's own traffic, through one typed tool.

The tool takes a measure, a split, a range and filters. There is no SQL a model could write.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agents.answering import stream_message
from agents.context import RunContext
from agents.memory import keep_newest
from agents.specialists import Specialist
from agents.system_note import system_message
from core.errors import SwitchboardError
from core.metrics_query import (
    FILTERS,
    MEASURES,
    RANGES,
    SPLITS,
    MetricsAnswer,
    MetricsQuestion,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage
    from langchain_core.tools import BaseTool

MAX_ROUNDS = 4
HISTORY_TOKENS = 2_000


def metrics_tool(ask: Callable[[MetricsQuestion], MetricsAnswer]) -> BaseTool:
    """`query_metrics` as a LangChain tool. Bad arguments come back as a sentence, never an error."""
    from langchain_core.tools import StructuredTool

    async def query_metrics(
        measure: str,
        split: str = "none",
        range: str = "24h",  # the word the model sees
        filters: dict[str, str] | None = None,
    ) -> str:
        try:
            question = checked_question(measure, split, range, filters or {})
            answer = await asyncio.to_thread(ask, question)
        except SwitchboardError as exc:
            return json.dumps({"error": exc.message, "what_to_do": exc.what_to_do})
        return json.dumps(asdict(answer), ensure_ascii=False)

    return StructuredTool.from_function(
        coroutine=query_metrics,
        name="query_metrics",
        description="Figures about this installation's own traffic: one measure, optionally split "
        "and filtered, over a range that ends now.",
        args_schema=_schema(),
    )


def _schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "measure": {"type": "string", "enum": list(MEASURES)},
            "split": {"type": "string", "enum": list(SPLITS), "default": "none"},
            "range": {"type": "string", "enum": list(RANGES), "default": "24h"},
            "filters": {
                "type": "object",
                "description": 'Exact values to keep, for example {"agent": "billing"}.',
                "properties": {name: {"type": "string"} for name in FILTERS},
                "additionalProperties": False,
            },
        },
        "required": ["measure"],
    }


def checked_question(
    measure: str, split: str, range_name: str, filters: dict[str, str]
) -> MetricsQuestion:
    """The typed question. Raises InvalidInput naming what is not known."""
    from core.errors import InvalidInput

    for value, allowed, what in (
        (measure, MEASURES, "measure"),
        (split, SPLITS, "split"),
        (range_name, RANGES, "range"),
    ):
        if value not in allowed:
            raise InvalidInput(
                f"There is no {what} '{value}'.", what_to_do=f"Use one of: {', '.join(allowed)}."
            )
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise InvalidInput(
            f"There is no filter '{unknown[0]}'.", what_to_do=f"Use one of: {', '.join(FILTERS)}."
        )
    return MetricsQuestion(
        measure=measure,  # type: ignore[arg-type]
        split=split,  # type: ignore[arg-type]
        range=range_name,  # type: ignore[arg-type]
        filters={key: str(value) for key, value in filters.items()},  # type: ignore[misc]
    )


async def answer_from_metrics(
    context: RunContext, specialist: Specialist, messages: Sequence[AnyMessage], question: str
) -> AIMessage:
    """Lets the model ask for figures and answer from them."""
    tool = metrics_tool(context.metrics)
    model = context.chat_model(specialist.name).bind_tools([tool])
    kept = keep_newest(
        [m for m in messages if m.type in ("human", "ai") and m.content], HISTORY_TOKENS
    )
    prompt: list[Any] = [system_message(context.prompt(specialist.name), context.note), *kept]
    config: Any = {
        "run_name": specialist.name,
        "metadata": {"agent": specialist.name, "strategy": specialist.mode},
    }
    for _ in range(MAX_ROUNDS):
        message = await stream_message(model, prompt, config, name=specialist.name)
        if not message.tool_calls:
            return message
        prompt.append(message)
        for call in message.tool_calls:
            if call["name"] == tool.name:
                prompt.append(await tool.ainvoke({**call, "type": "tool_call"}))
            else:
                prompt.append(_unknown_tool(call))
    return await stream_message(context.chat_model(specialist.name), prompt, config, name="data")


def _unknown_tool(call: Any) -> Any:
    from langchain_core.messages import ToolMessage

    return ToolMessage(
        f"There is no tool '{call['name']}'.", tool_call_id=call["id"], status="error"
    )
