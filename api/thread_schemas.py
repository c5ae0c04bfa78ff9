"""What routes about threads take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from api.errors import Problem
from api.schemas import RUN_ID, THREAD_ID, AskedInterrupt, CitedSource, Out, RunFigures

ThreadState = Literal["running", "waiting", "failed", "unread", "idle"]


class SnippetPiece(Out):
    text: str
    matched: bool = False


class SearchHit(Out):
    """Where in a thread the words were found."""

    where: Literal["message", "tool", "source", "title", "tag"]
    message_id: str | None = None
    snippet: list[SnippetPiece]


class ThreadOut(Out):
    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "thread_id": THREAD_ID,
                    "title": "How do I set the port?",
                    "created_at": "2026-03-31T09:15:00Z",
                    "updated_at": "2026-03-31T09:15:02Z",
                    "pinned": False,
                    "archived": False,
                    "tags": [],
                    "state": "idle",
                }
            ]
        },
    )

    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime = Field(description="The list's order: newest change first.")
    pinned: bool
    archived: bool
    tags: list[str]
    state: ThreadState = Field(description="waiting: for a person. failed: the last answer.")
    run_id: str | None = Field(default=None, description="Of the answer under way; null: none is.")
    hit: SearchHit | None = Field(default=None, description="Of a search: its newest hit.")


class ThreadPageOut(Out):
    threads: list[ThreadOut]
    after: str | None = Field(description="Ask with it for the next page; null at the end.")
    more: bool = Field(description="There is more than this. A search has no next page: narrow it.")


class MessageOut(RunFigures):
    """A message; an answer comes with what its run took."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "message_id": "019f2c1d8b115b3c4d2e1f0a9b8c7d6e",
                    "parent_id": "019f2c1d8a715b3c4d2e1f0a9b8c7d6e",
                    "run_id": RUN_ID,
                    "role": "assistant",
                    "text": "Set `server.port` in `.streamlit/config.toml` [1].",
                    "created_at": "2026-03-31T09:15:02Z",
                    "versions": ["019f2c1d8b115b3c4d2e1f0a9b8c7d6e"],
                    "status": "completed",
                }
            ]
        },
    )

    message_id: str
    parent_id: str | None
    run_id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    versions: list[str] = Field(
        description="Ids of the messages in the same place, itself included."
    )
    status: str | None = Field(default=None, description="How the run of an answer ended.")
    agent: str | None = None
    model: str | None = None
    sources: list[CitedSource] = []
    interrupts: list[AskedInterrupt] = []
    notice: str | None = None
    error: Problem | None = None


class HistoryOut(Out):
    """Messages of the branch that is shown, in reading order."""

    thread_id: str
    title: str
    run_id: str | None = Field(default=None, description="Of the answer under way; null: none is.")
    messages: list[MessageOut]
    before: str | None = Field(
        description="Ask with it for what came before; null at the beginning."
    )


class ImportProblem(Out):
    number: int = Field(description="Of the conversation in the file, from 1.")
    title: str
    what: str
    lost: bool = Field(description="It did not come in; otherwise it was mended.")


class ImportOut(Out):
    imported: int
    known: int = Field(description="Were there already.")
    broken: int = Field(description="Could not be read; `problems` says why.")
    messages: int
    problems: list[ImportProblem] = Field(description="At most 1,000.")
