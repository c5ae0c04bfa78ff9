"""The requests of the API, one function each: what is sent, and how the answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar

import httpx2

from api.client.problems import NotSwitchboard
from api.client.values import Answer, Json, of_wire
from core.ids import new_id

T = TypeVar("T")
Filter = str | int | bool | Sequence[str] | None


class Options(TypedDict, total=False):
    """What may be chosen for a question."""

    thread_id: str | None
    """None: a new thread."""
    agent: str | None
    """None: the supervisor decides."""
    model: str | None
    """None: the configured chain."""
    graph: str | None
    """Another graph than the supervisor's."""
    metadata: Mapping[str, str | int | float | bool | None] | None
    """Kept with the run: at most 16 flat values."""
    idempotency_key: str | None
    """The same key again is the same run. None: one is made for each call."""


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request. `repeatable`: it may arrive twice without doing harm."""

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    expected: Collection[int] = range(200, 300)
    done: int | None = None
    """What a repetition is answered when the first one was carried out and its answer was lost."""


def ask(
    text: str,
    *,
    thread_id: str | None = None,
    agent: str | None = None,
    model: str | None = None,
    graph: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Call[None]:
    """A question whose answer is streamed."""
    chosen = {
        "thread_id": thread_id, "agent": agent, "model": model, "graph": graph,
        "metadata": metadata,
    }  # fmt: skip
    body = {"message": text} | {k: v for k, v in chosen.items() if v is not None}
    key = idempotency_key or new_id()
    in_header = key.isascii() and key.isprintable() and key == key.strip()
    return Call(
        method="POST",
        path="/chat/stream",
        read=_nothing,
        body=body if in_header else body | {"idempotency_key": key},
        headers={"Idempotency-Key": key} if in_header else {},
    )


def events_stream(run_id: str, after: int) -> Call[None]:
    """The log of a run behind an event, to its end."""
    return Call(
        method="GET",
        path=f"/runs/{_part(run_id)}/events",
        read=_nothing,
        headers={"Last-Event-ID": str(after)} if after >= 0 else {},
    )


def run(run_id: str) -> Call[Answer]:
    return Call(
        method="GET",
        path=f"/runs/{_part(run_id)}",
        read=lambda response: of_wire(_object(response)),
    )


def status(run_id: str) -> Call[Json]:
    return look(f"/runs/{_part(run_id)}/status")


def cancel(run_id: str) -> Call[Json]:
    return _send("POST", f"/runs/{_part(run_id)}/cancel")


def resume(run_id: str, decisions: Mapping[str, Any]) -> Call[Json]:
    return Call(
        method="POST",
        path=f"/runs/{_part(run_id)}/resume",
        read=_object,
        body={"decisions": dict(decisions)},
        repeatable=False,
    )


def threads(q: str | None, limit: int, after: str | None, filters: Mapping[str, Any]) -> Call[Json]:
    given = {"q": q, "limit": limit, "after": after, **filters}
    return look("/threads", {name: value for name, value in given.items() if value is not None})


def thread(thread_id: str) -> Call[Json]:
    return look(f"/threads/{_part(thread_id)}")


def history(thread_id: str, limit: int, before: str | None) -> Call[Json]:
    place = {} if before is None else {"before": before}
    return look(f"/threads/{_part(thread_id)}/history", {"limit": limit, **place})


def change(thread_id: str, what: str) -> Call[Json]:
    """`what`: clear, archive, restore."""
    return _send("PUT", f"/threads/{_part(thread_id)}/{what}")


def delete(thread_id: str) -> Call[Json]:
    return Call(
        method="DELETE", path=f"/threads/{_part(thread_id)}", read=lambda _response: {}, done=404
    )


def export(thread_id: str, form: str) -> Call[bytes]:
    return Call(
        method="GET",
        path=f"/threads/{_part(thread_id)}/export",
        read=lambda response: response.content,
        params={"form": form},
    )


def import_(content: bytes) -> Call[Json]:
    return Call(
        method="POST",
        path="/threads/import",
        read=_object,
        content=content,
        headers={"Content-Type": "application/octet-stream"},
        repeatable=False,
    )


def compare(text: str, configurations: Sequence[Mapping[str, Any]]) -> Call[None]:
    return Call(
        method="POST",
        path="/compare",
        read=_nothing,
        body={
            "message": text,
            "configurations": [dict(one) for one in configurations],
            "stream": True,
        },
        repeatable=False,
    )


def look(path: str, params: Mapping[str, Any] | None = None) -> Call[Json]:
    """A resource that is one JSON object."""
    return Call(method="GET", path=path, read=_object, params=params or {})


def ready() -> Call[Json]:
    """Also an answer when it says no."""
    return Call(method="GET", path="/ready", read=_object, expected=(200, 503))


def _send(method: str, path: str) -> Call[Json]:
    return Call(method=method, path=path, read=_object)


def _part(given: str) -> str:
    """An id as one step of a path: what is not an id stays one step, and is not found."""
    from urllib.parse import quote

    return quote(given, safe="") if given.strip(".") else "-"


def _nothing(_response: httpx2.Response) -> None:
    return None


def _object(response: httpx2.Response) -> Json:
    if response.status_code == 204:
        return {}
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotSwitchboard(f"{response.request.url.host} did not answer with JSON.")
    return found
