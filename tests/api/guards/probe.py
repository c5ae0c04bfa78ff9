"""The API with a few routes that note what reached them, called without a client that tidies up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from fastapi import Body, FastAPI, Request, WebSocket

from api import dependencies
from api.app import make_api
from api.dependencies import Caller
from api.guards.bodies import Bodies
from core.errors import NotLoggedIn
from core.identity import LOCAL, Principal
from core.settings import Settings

HOST = "localhost:8501"
FILES = "/probe/files"


class Guests:
    """Identity that lets nobody in without `Bearer good`; counts how often it was asked."""

    def __init__(self, required: bool) -> None:
        self.required = required
        self.asked = 0

    def from_bearer(self, authorization: str | None) -> Principal:
        self.asked += 1
        if not self.required:
            return LOCAL
        if authorization != "Bearer good":
            raise NotLoggedIn("Nobody is logged in.")
        return Principal(owner="ann", name="Ann", via="api_key")


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    raw: bytes
    more: list[dict[str, Any]]

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.json()["error"]["code"])

    @property
    def fields(self) -> list[tuple[str, str]]:
        return [(one["field"], one["reason"]) for one in self.json()["error"].get("fields", ())]


class Probe:
    """`seen`: what the routes were asked to do, in order."""

    def __init__(self, *, login: bool = False, **settings: Any) -> None:
        self.seen: list[object] = []
        self.guests = Guests(login)
        self.api = make_api(Settings(**settings))

        async def house() -> object:
            return SimpleNamespace(identity=self.guests)

        self.api.dependency_overrides[dependencies._house] = house
        _add_routes(self.api, self.seen)
        self.bodies().update(file_routes=frozenset({FILES}))

    def fresh(self) -> Probe:
        """Itself, with nothing seen: to build the API takes half a second."""
        self.seen.clear()
        self.guests.asked = 0
        return self

    def bodies(self) -> dict[str, Any]:
        """The arguments of the guard of bodies."""
        return next(one.kwargs for one in self.api.user_middleware if one.cls is Bodies)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] | None = None,
        *,
        length: int | None = None,
        **headers: str,
    ) -> Answer:
        """One request. `body` in parts: chunked, unless `length` says something. Headers: `_` for `-`."""
        parts = [body] if isinstance(body, bytes) else list(body or ())
        lines = {"host": HOST, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if isinstance(body, bytes) and length is None:
            length = len(body)
        if length is not None:
            lines["content-length"] = str(length)
        elif parts:
            lines["transfer-encoding"] = "chunked"
        return asyncio.run(self._asked(method, target, lines, parts))

    async def _asked(
        self, method: str, target: str, headers: dict[str, str], parts: list[bytes]
    ) -> Answer:
        path, _, query = target.partition("?")
        scope = {
            "type": "http", "method": method, "scheme": "http", "http_version": "1.1",
            "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode("latin-1"),
            "root_path": "", "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8501),
        }  # fmt: skip
        waiting = [
            {"type": "http.request", "body": part, "more_body": n + 1 < len(parts)}
            for n, part in enumerate(parts or [b""])
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            if waiting:
                return waiting.pop(0)
            await asyncio.Event().wait()  # a client that stays
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await asyncio.wait_for(self.api(scope, receive, send), 30)
        start, *bodies = sent
        assert bodies[-1].get("more_body", False) is False
        return Answer(
            status=start["status"],
            headers=[(k.decode().lower(), v.decode("latin-1")) for k, v in start["headers"]],
            raw=b"".join(one.get("body", b"") for one in bodies),
            more=waiting,
        )


def _add_routes(api: FastAPI, seen: list[object]) -> None:
    @api.post("/probe/notes")
    async def note(caller: Caller, text: str = Body(), metadata: dict[str, Any] = Body(default={})) -> str:  # noqa: B008  # fmt: skip
        seen.append((caller.owner, text, metadata))
        return text

    @api.get("/probe/notes/{note_id}")
    async def one(note_id: str) -> str:
        seen.append(note_id)
        return note_id

    @api.delete("/probe/notes/{note_id}")
    async def remove(note_id: str) -> str:
        seen.append(("removed", note_id))
        return note_id

    @api.get("/probe/search")
    async def search(q: str = "", limit: int = 10) -> str:
        seen.append((q, limit))
        return q

    @api.post(FILES)
    async def load(request: Request) -> int:
        size = 0
        async for part in request.stream():
            size += len(part)
        seen.append(size)
        return size

    @api.websocket("/probe/socket")
    async def socket(websocket: WebSocket) -> None:
        seen.append("socket")
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)
