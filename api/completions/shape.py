"""Errors that never reach a route under /v1, in OpenAI's form as well: of guards, login and unknown paths."""

from __future__ import annotations

import json
from typing import Any

from api.completions.errors import problem_dict
from api.guards.refusals import route_path
from api.headers import App, Message, Receive, Scope, Send

PREFIX = "/v1/"


class OpenAIShape:
    """Rewrites the body of an error that is in our own form; everything else passes as it is."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not route_path(scope).startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def send_(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                held.append(message)
                return
            if held and message["type"] == "http.response.body":
                held.append(message)
                if not message.get("more_body"):
                    for one in _in_shape(held):
                        await send(one)
                return
            await send(message)

        await self.app(scope, receive, send_)


def _in_shape(held: list[Message]) -> list[Message]:
    start, *bodies = held
    status = int(start["status"])
    body = b"".join(one.get("body", b"") for one in bodies)
    problem = _ours(body)
    if problem is not None:
        fields = problem.get("fields") or [{}]
        param = fields[0].get("field")
        text = f"{problem['message']} {problem['what_to_do']}"
        error = problem_dict(status, problem["code"], text, param=param)
        body = json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "replace")
        headers = [h for h in start["headers"] if h[0].lower() != b"content-length"]
        start = {**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
    return [start, {"type": "http.response.body", "body": body, "more_body": False}]


def _ours(body: bytes) -> dict[str, Any] | None:
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return None
    return error if isinstance(error, dict) and "what_to_do" in error else None
