"""A runtime over five short documents and the scripted provider, and what that provider was sent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.events import Event
from core.settings import load_settings
from tests.agents.test_turn import DOCUMENTS
from tests.provider import ProviderServer, Reply

MODEL = "openai:gpt-4o-mini"


@contextlib.contextmanager
def answering(folder: Path, server: ProviderServer, **settings: Any) -> Iterator[Runtime]:
    """Answers come from the server; the embedded answerer routes and stands by."""
    for name, text in DOCUMENTS.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    runtime = Runtime(
        load_settings(
            env_file=None,
            data_dir=folder / "data",
            knowledge_dir=folder / "docs",
            openai_api_key="sk-test-0123456789abcdef",
            openai_base_url=server.openai_url,
            **({"router_models": "local:extractive"} | settings),
        )
    )
    try:
        yield runtime
    finally:
        runtime.close(2.0)


def ask(runtime: Runtime, text: str, **request: Any) -> tuple[Run, list[Event]]:
    """A finished turn of one model, without another behind it."""
    given = {"model": MODEL, "fallback": False} | request
    run = runtime.start(TurnRequest(text=text, **given))
    return run, [event for batch in run.follow() for event in batch]


def sent(server: ProviderServer, number: int = -1) -> list[tuple[str, str]]:
    """(role, text) of the messages of a request."""
    return [(m["role"], str(m["content"])) for m in server.requests[number].body["messages"]]


def only(events: list[Event], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


def judge_says(*, prefers: str) -> Callable[[Any], Reply | None]:
    """A judge that prefers the answer with a word in it, wherever it stands; the rest is as usual."""

    def respond(recorded: Any) -> Reply | None:
        text = str(recorded.body["messages"][-1]["content"])
        if "--- answer A begins" not in text:
            return None
        first = text.split("--- answer A begins")[1].split("--- answer A ends")[0]
        verdict = "A" if prefers in first else "B"
        return Reply(text=f'I think.\n{{"verdict": "{verdict}", "reason": "It is better."}}')

    return respond
