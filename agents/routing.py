"""Who answers: a person's pin, the local vote, or a router model, in this order.

The vote costs milliseconds and decides when it is confident. Otherwise a router model is asked, with
structured output and hidden from the stream. The passages of the vote are at hand by then.
If no router answers, the vote's favourite is taken.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.context import RunContext
from agents.followup import standalone
from agents.specialists import BY_NAME, SPECIALISTS
from agents.vote import is_metrics_question, vote
from core.errors import SwitchboardError
from core.events import Candidate, Route, RouteDecider

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

LOCAL_PREFIX = "local:"
HISTORY_FOR_ROUTER = 4


@dataclass(frozen=True, kw_only=True)
class Decision:
    route: Route
    question: str
    """The question with what it leans on, ready for retrieval."""


async def decide(context: RunContext, messages: Sequence[AnyMessage]) -> Decision:
    """The specialist for the last human message."""
    started = time.perf_counter_ns()
    turns = [(m.type, text_of(m)) for m in messages if m.type in ("human", "ai")]
    last = turns[-1][1] if turns else ""
    history = [("user" if role == "human" else "assistant", text) for role, text in turns[:-1]]
    question = standalone(last, history)

    def decision(agent: str, by: RouteDecider, reason: str, **more: Any) -> Decision:
        took = (time.perf_counter_ns() - started) // 1000
        route = Route(agent=agent, decided_by=by, reason=reason, duration_us=took, **more)
        return Decision(route=route, question=question)

    if context.pinned_agent in BY_NAME:
        return decision(str(context.pinned_agent), "pinned", "A person chose this agent.")
    if is_metrics_question(question) and not await context.knowledge.claims(question):
        return decision(
            "data", "local", "The question asks for figures of this installation.", confidence=1.0
        )
    found = await context.knowledge.search(question, k=10)
    ballot = vote(found.hits)
    favourite = ballot.best if ballot.best in BY_NAME else "general"
    more = {
        "confidence": round(ballot.scores.get(ballot.best, 0.0), 3),
        "candidates": tuple(
            Candidate(agent=agent, score=round(score, 3))
            for agent, score in sorted(ballot.scores.items(), key=lambda item: -item[1])
        ),
    }
    if ballot.confident:
        return decision(favourite, "local", ballot.reason, **more)
    usable = context.models.usable(context.router_models)
    routers = tuple(m for m in usable if not m.startswith(LOCAL_PREFIX))
    if not routers:
        return decision(
            favourite, "local", f"{ballot.reason} No router model is configured.", **more
        )
    try:
        agent, reason, model = await _ask_router(context, turns, routers)
    except SwitchboardError as exc:
        why = f"No router model answered ({exc.code}); {ballot.reason}"
        return decision(favourite, "fallback", why, **more)
    return decision(agent, "model", reason, model=model, **more)


async def _ask_router(
    context: RunContext, turns: Sequence[tuple[str, str]], routers: tuple[str, ...]
) -> tuple[str, str, str | None]:
    """(specialist, reason, model that said so)."""
    from langchain_core.messages import HumanMessage, SystemMessage
    from pydantic import BaseModel, Field, JsonValue, create_model

    from core.errors import ProtocolError

    names: list[JsonValue] = [specialist.name for specialist in SPECIALISTS]
    choice: type[BaseModel] = create_model(
        "ChooseSpecialist",
        __doc__="The specialist that should answer.",
        agent=(str, Field(json_schema_extra={"enum": names})),
        reason=(str, Field(description="At most twelve words.")),
    )
    listing = "\n".join(f"- {s.name}: {s.description}" for s in SPECIALISTS)
    system = SystemMessage(f"{context.prompt('router')}\n\nSpecialists\n{listing}")
    dialogue = "\n".join(
        f"{role}: {text[:1500]}" for role, text in turns[-HISTORY_FOR_ROUTER - 1 :]
    )
    model = context.chat_model("supervisor", purpose="route", model_ids=routers)
    chain = model.with_structured_output(choice, method="function_calling", include_raw=True)
    config = {"tags": ["nostream"], "run_name": "router"}
    try:
        both: Any = await chain.ainvoke([system, HumanMessage(dialogue)], config)  # type: ignore[arg-type]
    except (ValueError, TypeError) as exc:  # the model filled the form with nonsense
        raise ProtocolError("The router model did not name a specialist.") from exc
    answer = both["parsed"]
    agent = str(getattr(answer, "agent", "") or "").strip().lower()
    if agent not in BY_NAME:
        raise ProtocolError("The router model did not name a specialist.")
    name = both["raw"].response_metadata.get("model_name")
    return agent, str(answer.reason)[:300] or "Chosen by the router model.", name


def text_of(message: AnyMessage) -> str:
    """The plain text of a message."""
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(
        block if isinstance(block, str) else str(block.get("text", "")) for block in content
    )
