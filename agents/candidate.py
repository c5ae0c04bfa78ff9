"""A model that may be asked: its name, how to get it, and its own words for tools."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableBinding

from core.errors import ModelFailure, redact

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """`ready` gives the model if it exists already; `build` makes it and may block."""

    id: str
    provider: str
    build: Callable[[], BaseChatModel]
    ready: Callable[[], BaseChatModel | None] = lambda: None
    region: str | None = None
    continues: bool = True
    """Whether it can go on with text that another model began. The local answerer cannot."""

    async def model(self) -> BaseChatModel:
        """Raises only ModelFailure."""
        try:
            ready = self.ready()
            return ready if ready is not None else await asyncio.to_thread(self.build)
        except Exception as exc:
            raise as_failure(exc, f"{self.id} could not be set up") from exc


def as_failure(exc: Exception, what: str) -> ModelFailure:
    """Providers raise nothing but ModelFailure; anything else is a mistake of ours, and still no
    reason to leave the reader without an answer."""
    if isinstance(exc, ModelFailure):
        return exc
    log.error("%s", what, exc_info=exc)
    return ModelFailure(redact(f"{what} ({type(exc).__name__}): {exc}"))


def options_for(model: BaseChatModel, given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a call, with the tools as this model's own `bind_tools` puts them."""
    options = dict(given)
    tools = options.pop("tools", None)
    choice = _plain(options.pop("tool_choice", None))
    if not tools:
        return options
    if choice is None:
        bound = model.bind_tools(tools, **options)
    else:
        try:
            bound = model.bind_tools(tools, tool_choice=choice, **options)
        except ValueError:  # Bedrock's answer for models that cannot be forced: let them choose
            bound = model.bind_tools(tools, **options)
    if not isinstance(bound, RunnableBinding):
        raise TypeError(f"bind_tools of {type(model).__name__} gives no binding")
    return dict(bound.kwargs)


def _plain(choice: object) -> Any:
    """A tool choice as every provider's `bind_tools` understands it: "auto", "any" or a name."""
    if isinstance(choice, Mapping):
        function = choice.get("function")
        return function.get("name") if isinstance(function, Mapping) else dict(choice)
    return "any" if choice is True or choice == "required" else choice or None
