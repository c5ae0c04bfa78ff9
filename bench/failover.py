"""What ResilientChat adds to the model inside it: CPU per token, per call, and per failed attempt.

    .venv/bin/python -m bench.failover

Prints one JSON object per line: name, value, unit, baseline, ratio. No network: the inner model makes
its chunks as the providers do, so the difference is ours alone.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from agents.breaker import Breaker
from agents.failover import Candidate, ResilientChat, Services
from agents.retry import Limits
from core.catalog import load_catalog
from core.errors import ModelUnavailable
from core.events import Event

TOKENS = 5000
ROUNDS = 7
QUESTION = [HumanMessage("Hi")]


class Inner(BaseChatModel):
    """Says `tokens` words; `paced` gives the loop a turn before each, as a network does."""

    tokens: int = TOKENS
    paced: bool = False
    fails: bool = False

    @property
    def _llm_type(self) -> str:
        return "inner"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("the failover only streams")

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        if self.fails:
            raise ModelUnavailable("down")
        for _ in range(self.tokens):
            if self.paced:
                await asyncio.sleep(0)
            yield _chunk(" word", {"model_provider": "openai"})
        yield _chunk("", {"finish_reason": "stop", "model_name": "inner"})


def _chunk(text: str, metadata: dict[str, Any]) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=metadata))


def resilient(*models: BaseChatModel) -> ResilientChat:
    candidates = tuple(
        Candidate(id=f"openai:{n}", provider="openai", build=_never, ready=partial(_same, model))
        for n, model in enumerate(models)
    )
    # A clock that jumps: no cooldown outlasts the next look at it.
    breaker = Breaker(clock=partial(next, count(0.0, 1000.0)))
    services = Services(limits=Limits(backoff_s=0.0), catalog=load_catalog(), breaker=breaker)
    return ResilientChat(candidates=candidates, services=services, sink=_ignore)


def _same(model: BaseChatModel) -> BaseChatModel:
    return model


def _raw(model: BaseChatModel) -> Callable[[], Any]:
    """The stream itself, without LangChain's callbacks around it."""
    return partial(model._astream, QUESTION)


def _never() -> BaseChatModel:
    raise AssertionError("already built")


def _ignore(event: Event) -> None:
    pass


async def _drain(stream: Callable[[], Any]) -> float:
    began = time.process_time()
    async for _ in stream():
        pass
    return time.process_time() - began


def cpu(*streams: Callable[[], Any]) -> list[float]:
    """CPU seconds to read each stream, best of some rounds taken in turn."""

    async def measure() -> list[float]:
        best = [float("inf")] * len(streams)
        for _ in range(ROUNDS):
            for n, stream in enumerate(streams):
                best[n] = min(best[n], await _drain(stream))
        return best

    return asyncio.run(measure())


def report(name: str, value: float, unit: str, baseline: float | None = None) -> None:
    ratio = round(value / baseline, 2) if baseline else None
    line = {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "baseline": None if baseline is None else round(baseline, 2),
        "ratio": ratio,
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    for name, paced in (("burst", False), ("paced", True)):
        inner = Inner(paced=paced)
        bare, ours = cpu(_raw(inner), _raw(resilient(inner)))
        report(f"failover, {name}: per token", ours / TOKENS * 1e6, "us CPU", bare / TOKENS * 1e6)
        report(f"failover, {name}: added per token", (ours - bare) / TOKENS * 1e6, "us CPU")
    inner = Inner()
    bare, ours = cpu(partial(inner.astream, QUESTION), partial(resilient(inner).astream, QUESTION))
    report("failover, astream: added per token", (ours - bare) / TOKENS * 1e6, "us CPU")
    short, down = Inner(tokens=1), Inner(fails=True)
    bare, ours, fallen = cpu(_raw(short), _raw(resilient(short)), _raw(resilient(down, short)))
    report("failover, added per call", (ours - bare) * 1e6, "us CPU")
    report("failover, added by a failed attempt and its retry", (fallen - ours) * 1e6, "us CPU")


if __name__ == "__main__":
    main()
