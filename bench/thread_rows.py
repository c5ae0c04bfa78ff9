"""Many chats of real-looking text, written straight into app.db: for bench/threads.py."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agents.tables import message, message_rating, thread, thread_tag
from core.database import Database

OWNER = "local"
RARE_WORD = "zirconium"
AGENTS = ("technical", "billing", "policy", "general", "data")
MODELS = ("openai:gpt-5.4-mini", "openai:gpt-5.4", "bedrock:amazon.nova-pro-v1:0")
TAGS = ("finance", "support", "todo", "ideas", "release", "customers", "draft", "legal")
_ERRORS = ("model_unavailable", "model_rate_limited", "storage")
_DOCS = Path(__file__).resolve().parents[1] / "docs"
_A_BATCH = 500


class Words:
    """Sentences of our own documentation, with a made-up word now and then, as names are in chats."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        text = " ".join(path.read_text("utf-8") for path in sorted(_DOCS.rglob("*.md")))
        self._sentences = [s for s in re.split(r"(?<=[.!?])\s+", text) if 20 < len(s) < 400]

    def say(self, sentences: int) -> str:
        name = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz", k=7))
        return " ".join([*self.random.choices(self._sentences, k=sentences), name])


def fill(database: Database, threads: int, turns: int, long_thread: int, seed: int = 7) -> str:
    """`threads` chats of `turns` turns over a year, and one of `long_thread`; gives its id."""
    words = Words(seed)
    now = datetime.now(UTC)
    for begin in range(0, threads, _A_BATCH):
        rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("thread", "message", "tag", "rating")
        }
        for n in range(begin, min(begin + _A_BATCH, threads)):
            at = now - timedelta(days=365 * (1 - n / threads), minutes=words.random.random() * 60)
            _add(rows, words, f"{n:032x}", at, turns, rare=n == threads // 3)
        _write(database, rows)
    long_id = f"{2**64 - 1:032x}"
    rows = {name: [] for name in ("thread", "message", "tag", "rating")}
    _add(rows, words, long_id, now - timedelta(hours=1), long_thread, rare=False)
    _write(database, rows)
    return long_id


def _add(
    rows: dict[str, list[dict[str, Any]]],
    words: Words,
    thread_id: str,
    at: datetime,
    turns: int,
    *,
    rare: bool,
) -> None:
    begin_us = int(at.timestamp() * 1e6)
    messages = list(_messages(words, thread_id, begin_us, turns))
    if rare:
        messages[1]["text"] += f" {RARE_WORD}."
    rows["message"] += messages
    rows["thread"].append(
        {
            "id": thread_id, "owner": OWNER, "kind": "chat", "title": messages[0]["text"][:55],
            "created_at_us": begin_us, "updated_at_us": messages[-1]["created_at_us"],
            "head_id": messages[-1]["id"], "seen_at_us": messages[-1]["created_at_us"],
        }
    )  # fmt: skip
    chance = words.random.random
    if chance() < 0.2:
        rows["tag"].append({"thread_id": thread_id, "tag": words.random.choice(TAGS)})
    if chance() < 0.1:
        rows["rating"].append(
            {"message_id": messages[1]["id"], "owner": OWNER, "thumb": 1 if chance() < 0.8 else -1,
             "reasons": [], "comment": "", "rated_at_us": begin_us}
        )  # fmt: skip


def _messages(words: Words, thread_id: str, begin_us: int, turns: int) -> Iterator[dict[str, Any]]:
    parent = None
    for n in range(2 * turns):
        message_id = f"{int(thread_id, 16):016x}{n + 1:016x}"
        answer = n % 2 == 1
        yield {
            "id": message_id,
            "thread_id": thread_id,
            "parent_id": parent,
            "position": n,
            "run_id": message_id,
            "role": "assistant" if answer else "user",
            "text": words.say(words.random.randint(3, 8) if answer else 1),
            "summary": _summary(words) if answer else None,
            "created_at_us": begin_us + n * 20_000_000,
        }
        parent = message_id


def _summary(words: Words) -> dict[str, Any]:
    """The parts of an answer's summary that take room or are asked for."""
    failed = words.random.random() < 0.03
    tools = words.random.random() < 0.2
    return {
        "status": "error" if failed else "completed",
        "agent": words.random.choice(AGENTS),
        "model": words.random.choice(MODELS),
        "error": {"code": words.random.choice(_ERRORS), "message": words.say(1)}
        if failed
        else None,
        "tools": [{"name": "query_metrics", "input": '{"days": 7}', "output": words.say(3)}]
        * tools,
        "sources": [
            {"n": n, "title": "Handbook", "heading": "Settings", "text": words.say(4)}
            for n in range(1, 3)
        ],
        "steps": [
            {"step_id": str(n), "name": "policy", "status": "ok", "duration_us": 1000}
            for n in range(3)
        ],
    }


def _write(database: Database, rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = {"thread": thread, "message": message, "tag": thread_tag, "rating": message_rating}
    with database.write() as connection:
        for name, table in tables.items():
            if rows[name]:
                connection.execute(table.insert(), rows[name])
