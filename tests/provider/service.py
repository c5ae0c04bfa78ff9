"""Which answer a request gets: paths, the script, and the two protocols. No thread, no socket."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.provider import bedrock_dialect, openai_dialect
from tests.provider.ledger import Ledger
from tests.provider.player import HTML, Dialect, Player
from tests.provider.reply import Reply
from tests.provider.wire import Recorded, Wire

BEDROCK = re.compile(r"^/model/(?P<model>[^/]+)/(?P<call>converse(-stream)?)$")
TITAN = re.compile(r"^/model/(?P<model>amazon\.titan-embed[^/]+)/invoke$")
JSON = "application/json"


class Service:
    """Which reply a request gets: what `respond` says if it says anything, else `by_model[model]`,
    else the next of the script, else `default`."""

    def __init__(self) -> None:
        self.default = Reply()
        self.by_model: dict[str, Reply] = {}
        self.respond: Callable[[Recorded], Reply | None] | None = None
        """For answers that depend on the question. Runs on the server's thread."""
        self.embedding: Callable[[Recorded], Reply] | None = None
        """Status, headers and first_ms of a request for embeddings."""
        self.models = ["gpt-4o-mini", "us.amazon.nova-lite-v1:0"]
        self.refuse_stream_options = False
        """Answer 400 to a request that carries stream_options, as some compatible servers do."""
        self.ledger = Ledger()
        self._script: deque[Reply] = deque()

    def script(self, *replies: Reply) -> None:
        """Adds replies for the coming requests, in order."""
        self._script.extend(replies)

    def route(self, request: Recorded) -> None:
        """Fills in the model a request names."""
        path = unquote(request.path)
        bedrock = BEDROCK.match(path) or TITAN.match(path)
        body = request.body if isinstance(request.body, dict) else {}
        request.model = bedrock["model"] if bedrock else str(body.get("model", ""))

    async def answer(self, wire: Wire, request: Recorded, number: int) -> None:
        body: Mapping[str, Any] = request.body if isinstance(request.body, dict) else {}
        bedrock = BEDROCK.match(unquote(request.path))
        titan = TITAN.match(unquote(request.path))
        if bedrock:
            await self._converse(wire, request, body, number, bedrock["call"] != "converse")
        elif request.path == "/v1/chat/completions":
            await self._chat(wire, request, body, number)
        elif request.path == "/v1/embeddings":
            await self._embed(wire, request, body)
        elif titan:
            vector = openai_dialect.vector(str(body.get("inputText", "")), 32)
            wire.whole(JSON, 200, {}, json.dumps({"embedding": vector}).encode())
        elif request.path == "/v1/models":
            wire.whole(JSON, 200, {}, openai_dialect.models(self.models))
        else:
            wire.whole(JSON, 404, {}, b'{"error": {"message": "no such path"}}')
        if wire.open:
            await wire.writer.drain()

    async def _chat(
        self, wire: Wire, request: Recorded, body: Mapping[str, Any], number: int
    ) -> None:
        if self.refuse_stream_options and "stream_options" in body:
            text = "Unrecognized request argument supplied: stream_options"
            refusal = json.dumps({"error": {"message": text, "type": "invalid_request_error"}})
            return wire.whole(JSON, 400, {}, refusal.encode())
        reply = openai_dialect.fitted(self._reply(request), body)
        if reply.status != 200:
            refusal_body = openai_dialect.error(reply, request.key)
            return wire.whole(JSON, reply.status, reply.headers, refusal_body)
        dialect = openai_dialect.OpenAIDialect(reply, body, number)
        return await self._speak(wire, request, reply, dialect, stream=bool(body.get("stream")))

    async def _embed(self, wire: Wire, request: Recorded, body: Mapping[str, Any]) -> None:
        reply = self.embedding(request) if self.embedding else Reply()
        await asyncio.sleep(reply.first_ms / 1000)
        if reply.status != 200:
            refusal = openai_dialect.error(reply, request.key)
            return wire.whole(JSON, reply.status, reply.headers, refusal)
        whole, usage = openai_dialect.embeddings(body)
        self.ledger.add(request.model, usage)
        return wire.whole(JSON, 200, {}, whole)

    async def _converse(
        self, wire: Wire, request: Recorded, body: Mapping[str, Any], number: int, stream: bool
    ) -> None:
        reply = bedrock_dialect.fitted(self._reply(request), body)
        if reply.status != 200:
            refusal, headers = bedrock_dialect.error(reply, request.key)
            return wire.whole(JSON, reply.status, {**headers, **reply.headers}, refusal)
        dialect = bedrock_dialect.BedrockDialect(reply, body, number)
        return await self._speak(wire, request, reply, dialect, stream=stream)

    async def _speak(
        self, wire: Wire, request: Recorded, reply: Reply, dialect: Dialect, *, stream: bool
    ) -> None:
        if reply.fault and reply.fault.kind == "redirect":
            port = wire.writer.get_extra_info("sockname")[1]
            elsewhere = reply.fault.location or f"http://localhost:{port}{request.path}"
            wire.whole("text/plain", 307, {"location": elsewhere}, b"")
        elif stream:
            await Player(reply, dialect, wire, request, self.ledger).play()
        else:
            await self._speak_whole(wire, request, reply, dialect)

    async def _speak_whole(
        self, wire: Wire, request: Recorded, reply: Reply, dialect: Dialect
    ) -> None:
        """An answer in one piece. A fault that only a stream can have becomes broken JSON."""
        kind = reply.fault.kind if reply.fault else None
        if reply.first_ms:
            await asyncio.sleep(reply.first_ms / 1000)
        if kind in ("close", "reset"):
            return await wire.hang_up(reset=kind == "reset")
        if kind in ("silence", "keepalive_only", "slow_words", "endless"):
            await asyncio.Event().wait()
        if kind == "html_200":
            return wire.whole("text/html", 200, reply.headers, HTML)
        request.first_byte = request.ended = time.monotonic()
        if kind is not None:
            return wire.whole(JSON, 200, reply.headers, b'{"choices": [')
        request.tokens_sent = len(reply.tokens)
        self.ledger.add(request.model, dialect.reported)
        return wire.whole(JSON, 200, reply.headers, dialect.whole())

    def _reply(self, request: Recorded) -> Reply:
        if self.respond is not None and (reply := self.respond(request)) is not None:
            return reply
        if request.model in self.by_model:
            return self.by_model[request.model]
        return self._script.popleft() if self._script else self.default
