"""What tests of imports and exports share."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from agents.exchange.export import Form, export, thread_ids
from agents.exchange.load import Loaded, load
from agents.exchange.reading import Entry, Reading
from core.conversation import Conversation
from core.database import Database

FILES = Path(__file__).with_name("exchange_files")


def chatgpt(title: str = "Tea", at: float = 1_721_000_000.0, **fields: Any) -> dict[str, Any]:
    """An entry of `conversations.json` with a question and an answer."""
    nodes = {
        "root": {"id": "root", "message": None, "parent": None, "children": ["q"]},
        "q": node("q", "root", "user", f"What about {title}?", at + 1),
        "a": node("a", "q", "assistant", f"A lot about {title}.", at + 2),
    }
    return {
        "title": title, "create_time": at, "update_time": at + 2, "mapping": nodes,
        "current_node": "a", "conversation_id": title,
    } | fields  # fmt: skip


def node(
    key: str, parent: str | None, role: str, text: str, at: float | None = None
) -> dict[str, Any]:
    message = {
        "id": key, "author": {"role": role}, "create_time": at, "recipient": "all",
        "content": {"content_type": "text", "parts": [text]}, "metadata": {},
    }  # fmt: skip
    return {"id": key, "message": message, "parent": parent, "children": []}


def written(folder: Path, data: object, name: str = "file.json") -> Path:
    path = folder / name
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    path.write_bytes(raw)
    return path


def entries(path: Path, owner: str = "local") -> list[Entry]:
    return list(Reading(path, owner=owner))


def one_conversation(path: Path) -> Conversation:
    (entry,) = entries(path)
    assert entry.conversation is not None, entry.problem
    return entry.conversation


def problems(path: Path) -> dict[int, str]:
    return {entry.number: entry.problem for entry in entries(path) if entry.problem}


def bring(database: Database, path: Path, owner: str = "local") -> Loaded:
    return load(database, Reading(path, owner=owner), owner)


def everything(database: Database, form: Form = "json", owner: str = "local") -> bytes:
    out = io.BytesIO()
    export(database, owner, thread_ids(database, owner), form, out, archive=True)
    return out.getvalue()
