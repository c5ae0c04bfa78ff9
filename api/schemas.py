"""What goes in and out, as pydantic models: they are the API's documentation and its first check."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from api.errors import Problem

MAX_TEXT_CHARS = 1_000_000
"""The most SWITCHBOARD_MAX_MESSAGE_CHARS can be; the setting itself is checked by the runtime."""
MAX_METADATA_KEYS = 16
MAX_METADATA_BYTES = 4_096
RUN_ID = "019f2c1d8a7e5b3c4d2e1f0a9b8c7d6e"
THREAD_ID = "019f2c1d8a705b3c4d2e1f0a9b8c7d6e"

RunStatus = Literal[
    "queued", "running", "completed", "error", "cancelled", "interrupted", "lost", "imported"
]
Scalar = str | int | float | bool | None


def iso_only(value: object) -> object:
    """Before a moment is read: `0.5` or `2026` would be seconds since 1970. Raises ValueError."""
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9._eE]+\s*", value):
        raise ValueError("Not a moment in ISO 8601, such as 2026-11-01T00:00:00Z")
    return value


class In(BaseModel):
    """Unknown fields are refused: a misspelt `thread_id` would quietly start a new thread. And nothing
    is guessed: `0` is not false, and `"1"` no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Exact(In):
    """Takes the types it says and no others: 0 is not false, and "3" is no number."""

    model_config = ConfigDict(strict=True)


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


def checked_metadata(value: dict[str, Scalar]) -> dict[str, Scalar]:
    """A flat object of at most 16 keys and 4 kB of JSON. Raises ValueError."""
    if len(value) > MAX_METADATA_KEYS:
        raise ValueError(f"at most {MAX_METADATA_KEYS} keys")
    form = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(form.encode("utf-8", "replace")) > MAX_METADATA_BYTES:
        raise ValueError(f"at most {MAX_METADATA_BYTES} bytes as JSON")
    return value


_Key = Field(
    default=None,
    min_length=1,
    max_length=200,
    description="Sent again with the same request within a day, it leads to the same run. "
    "Also as the header `Idempotency-Key`.",
)


class ChatRequest(In):
    """A question. `message` and `input` are the same, and so are the three names of a thread."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message": "How do I set the port?"}]}
    )

    message: str = Field(
        validation_alias=AliasChoices("message", "input"),
        min_length=1,
        max_length=MAX_TEXT_CHARS,
        description="1 to 20,000 characters, or as many as SWITCHBOARD_MAX_MESSAGE_CHARS says. Also as `input`.",
    )
    thread_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("thread_id", "conversation_id", "session_id"),
        max_length=64,
        description="Goes on with a thread; without it a new one begins. Also as `conversation_id` or `session_id`.",
    )
    agent: str | None = Field(
        default=None, max_length=64, description="A specialist; without it the question is routed."
    )
    model: str | None = Field(
        default=None, max_length=200, description="A model id, such as `openai:gpt-4o-mini`."
    )
    graph: str | None = Field(default=None, max_length=64, description="Another registered graph.")
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Scalar], AfterValidator(checked_metadata)
        ]
        | None
    ) = Field(
        default=None,
        description="Kept with the run and given back by GET /api/runs/{id}: "
        "at most 16 keys and 4 kB of JSON.",
    )
    idempotency_key: str | None = _Key
    stop_on_disconnect: bool = Field(
        default=False, description="Stop the run when this client leaves. By default it goes on."
    )


class Tokens(Out):
    """None: not reported."""

    input: int | None = None
    output: int | None = None


class CitedSource(Out):
    n: int = Field(description="The answer cites it as [n].")
    document: str
    title: str
    heading: str = ""
    area: str
    passage_id: str
    text: str
    score: float | None = None


class AskedInterrupt(Out):
    """What a graph asks a person. Answer with POST /api/runs/{id}/resume."""

    id: str
    value: Any = Field(description="The question, as the graph wrote it.")
    response_schema: dict[str, Any] | bool | None = Field(
        default=None, description="What the answer must fit."
    )
    answered: bool = False


class RunFigures(Out):
    """Unknown is null, never 0."""

    tokens: Tokens = Tokens()
    duration_ms: float | None = None
    first_token_ms: float | None = None
    cost_usd: float | None = None
    cached: Literal["exact", "semantic"] | None = Field(
        default=None,
        description="An earlier answer was given again, and how the question was found.",
    )


class RunOut(RunFigures):
    """A run, and what has come of it so far."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "run_id": RUN_ID,
                    "thread_id": THREAD_ID,
                    "message_id": "019f2c1d8b115b3c4d2e1f0a9b8c7d6e",
                    "status": "completed",
                    "text": "Set `server.port` in `.streamlit/config.toml` [1].",
                    "agent": "technical",
                    "model": "openai:gpt-4o-mini",
                    "tokens": {"input": 1204, "output": 18},
                    "duration_ms": 912.4,
                    "first_token_ms": 402.1,
                    "cost_usd": 0.0001914,
                    "sources": [],
                    "interrupts": [],
                    "notice": None,
                    "error": None,
                }
            ]
        },
    )

    run_id: str
    thread_id: str
    message_id: str | None = Field(default=None, description="Id of the saved answer.")
    status: RunStatus
    text: str = Field(description="The answer, or as much of it as there is.")
    agent: str | None = None
    model: str | None = Field(default=None, description="The model that wrote the answer.")
    sources: list[CitedSource] = []
    interrupts: list[AskedInterrupt] = []
    notice: str | None = None
    error: Problem | None = None


class RunStateOut(Out):
    """How far a run is."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {"run_id": RUN_ID, "thread_id": THREAD_ID, "status": "running", "finished": False}
            ]
        },
    )

    run_id: str
    thread_id: str
    status: RunStatus
    finished: bool
    queue_position: int | None = Field(default=None, description="While it waits for a place.")


class RunDetail(RunOut):
    """A run with everything that is known of it but its events."""

    graph: str
    entry_point: str = Field(description="chat, compare, api, cli or eval.")
    question_id: str = Field(description="Id of the question in the thread's history.")
    started_at: datetime
    ended_at: datetime | None = None
    queue_position: int | None = None
    resumes: str | None = Field(default=None, description="The run it goes on with.")
    metadata: dict[str, Scalar] = {}


class EventsOut(Out):
    """A part of a run's log, in order and without gaps. The form of events is in the documentation."""

    run_id: str
    thread_id: str
    events: list[dict[str, Any]]
    after: int = Field(description="Ask with this `after` for what comes next.")
    finished: bool = Field(description="The terminal event is among these, or was before them.")


class ResumeRequest(In):
    """What people decided."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decisions": {"5f3c…": {"decisions": [{"type": "approve"}]}}}]
        }
    )

    decisions: dict[Annotated[str, Field(min_length=1, max_length=64)], Any] = Field(
        min_length=1,
        max_length=100,
        description="Interrupt id to its answer, in the form that `value` and `response_schema` ask for.",
    )
