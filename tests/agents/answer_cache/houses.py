"""A whole runtime with the answer cache, against a provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.settings import Settings
from core.transcript import AnswerSummary
from tests.provider import ProviderServer, Reply, Usage

MINI, LOCAL, SMALL = "openai:gpt-4o-mini", "local:extractive", "openai:text-embedding-3-small"
ROSES = "# Roses\n\n## When are roses cut?\n\nRoses are cut in March, before they bud.\n"
ANSWER = Reply(text="Roses are cut in March [1].", usage=Usage(input=2_500, output=500))
QUESTION = "When are roses cut?"


@contextmanager
def house(folder: Path, provider: ProviderServer, **more: Any) -> Iterator[Runtime]:
    docs = folder / "docs" / "general"
    docs.mkdir(parents=True, exist_ok=True)
    if not (docs / "roses.md").exists():
        (docs / "roses.md").write_text(ROSES, "utf-8")
    given: dict[str, Any] = {
        "data_dir": folder / "data",
        "knowledge_dir": docs.parent,
        "openai_api_key": "sk-test-1234567890",
        "openai_base_url": provider.openai_url,
        "answer_models": (MINI, LOCAL),
        "router_models": (LOCAL,),
        "answer_cache": "exact",
    }
    made = Runtime(Settings(**given | more))
    made.knowledge.sync(embed=False)
    made.warm_up.indexed.set()
    try:
        yield made
    finally:
        made.close(2.0)


def ask(
    runtime: Runtime, text: str = QUESTION, owner: str = "ann", **more: Any
) -> tuple[Run, str, AnswerSummary]:
    """The run, what it said and what stands under it, when everything of it is on disk."""
    more.setdefault("agent", "general")
    run = runtime.start(TurnRequest(text=text, owner=owner, **more))
    for _ in run.follow():
        pass
    runtime.answers.flush()
    found = runtime.threads.messages(run.thread_id, owner)[-1]
    assert found.summary is not None
    return run, found.text, found.summary


def repeated(runtime: Runtime, *given: Any, **more: Any) -> bool:
    """Whether a question was answered from memory."""
    return ask(runtime, *given, **more)[2].earlier is not None
