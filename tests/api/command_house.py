"""An environment in which the command and the plugin find five short documents and the scripted provider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agents.test_turn import DOCUMENTS
from tests.provider import ProviderServer

MINI, LARGE = "openai:gpt-4o-mini", "openai:gpt-4o"


def variables(folder: Path, server: ProviderServer) -> dict[str, str]:
    """Answers come from the server; the embedded answerer routes and stands by."""
    for name, text in DOCUMENTS.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {
        "SWITCHBOARD_DATA_DIR": str(folder / "data"),
        "SWITCHBOARD_KNOWLEDGE_DIR": str(folder / "docs"),
        "SWITCHBOARD_ROUTER_MODELS": "local:extractive",
        "SWITCHBOARD_ANSWER_MODELS": f"{MINI},local:extractive",
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "OPENAI_BASE_URL": server.openai_url,
    }


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, server: ProviderServer) -> None:
    for name, value in variables(folder, server).items():
        monkeypatch.setenv(name, value)


def question_file(path: Path, count: int = 2, **checks: Any) -> Path:
    """Questions q0, q1 … that each have these checks."""
    wanted = [{"type": name, "value": value} for name, value in checks.items()]
    rows = [
        {"id": f"q{n}", "question": f"How do I change port {n}?", "checks": wanted}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(server: ProviderServer) -> list[tuple[str, str]]:
    """(model, question) of every request, in order."""
    return [(r.body["model"], _last(r.body["messages"])) for r in server.requests]


def _last(messages: Sequence[dict[str, Any]]) -> str:
    return str(messages[-1]["content"])
