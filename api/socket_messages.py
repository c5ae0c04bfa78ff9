"""What clients say on the socket, and what they are told when it cannot be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from agents.run_reader import RunLog
from api.guards.json_text import BadJson
from api.schemas import ChatRequest, In, ResumeRequest
from api.wire import error_dict
from core.errors import SwitchboardError

MAX_REF_CHARS = 64
Ref = Annotated[
    str | None,
    Field(
        max_length=MAX_REF_CHARS,
        description="Comes back in `accepted` and in problems, to tell several requests apart.",
    ),
]
RunId = Annotated[str, Field(max_length=64)]


class Send(ChatRequest):
    """A question; the events of its run follow."""

    type: Literal["send"]
    ref: Ref = None


class Stop(In):
    type: Literal["stop"]
    run_id: RunId
    ref: Ref = None


class Resume(In):
    """Follow a run from a place in its log."""

    type: Literal["resume"]
    run_id: RunId
    after: int = Field(default=-1, ge=-1, le=2**53)
    ref: Ref = None


class Answer(ResumeRequest):
    """What people decided; the events of the run that goes on follow."""

    type: Literal["answer"]
    run_id: RunId
    ref: Ref = None


Said = Annotated[Send | Stop | Resume | Answer, Field(discriminator="type")]
_SAID: TypeAdapter[Send | Stop | Resume | Answer] = TypeAdapter(Said)


@dataclass(slots=True)
class Followed:
    run: RunLog
    after: int


def read_message(value: object) -> Send | Stop | Resume | Answer:
    """Raises BadJson, which names the first field at fault."""
    try:
        return _SAID.validate_python(value)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        place = [str(part) for part in first["loc"]]
        field = place[1] if len(place) > 1 else "type"
        raise BadJson(field[:40], first["msg"][:200]) from None


def problem(error: SwitchboardError, about: dict[str, Any]) -> dict[str, Any]:
    """`about`: the run and the ref of the message it answers, as far as they are known."""
    body = error_dict(error)
    if fields := getattr(error, "fields", None):
        body["fields"] = fields
    return {"type": "problem", "error": body} | about


def about_of(value: object) -> dict[str, Any]:
    """What of a message is repeated in its answer: short strings only."""
    if not isinstance(value, dict):
        return {}
    return {
        name: value[name]
        for name in ("run_id", "ref")
        if isinstance(value.get(name), str) and 0 < len(value[name]) <= MAX_REF_CHARS
    }
