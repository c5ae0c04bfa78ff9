"""One answer through the API as a client sees it: what came, when, and whether anything was lost."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from bench.figures import p95

TERMINAL = frozenset({"completed", "error", "cancelled", "interrupted"})


@dataclass(kw_only=True)
class Heard:
    """A stream as far as it was read."""

    sent_at_us: int
    run_id: str = ""
    seqs: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    lags_us: list[int] = field(default_factory=list)
    """Of the tokens: received minus published, by the one clock of this machine."""
    begun_us: int | None = None
    """When the run was submitted, and when its first token was published and received."""
    first_published_us: int | None = None
    first_heard_us: int | None = None
    text: list[str] = field(default_factory=list)

    def hear(self, event: dict[str, Any]) -> None:
        now = time.time_ns() // 1000
        self.seqs.append(event["seq"])
        self.kinds.append(event["type"])
        self.run_id = event["run_id"]
        if self.begun_us is None:
            self.begun_us = event["at_us"] - event["elapsed_us"]
        if event["type"] == "token":
            self.lags_us.append(now - event["at_us"])
            self.text.append(event["content"])
            if self.first_heard_us is None:
                self.first_published_us, self.first_heard_us = event["at_us"], now

    @property
    def ended(self) -> bool:
        return bool(self.kinds) and self.kinds[-1] in TERMINAL

    @property
    def whole(self) -> bool:
        """No event is missing or came twice, and the only terminal event is the last."""
        ends = sum(kind in TERMINAL for kind in self.kinds)
        return self.seqs == list(range(len(self.seqs))) and ends == 1 and self.ended

    @property
    def first_token_added_us(self) -> int:
        """What the door adds before and after: until the run is submitted, and from publish to here."""
        if self.begun_us is None or self.first_heard_us is None or self.first_published_us is None:
            raise RuntimeError(f"no token came: {self.kinds}")
        return (self.begun_us - self.sent_at_us) + (self.first_heard_us - self.first_published_us)

    @property
    def lag_p95_us(self) -> float:
        return p95(self.lags_us)


async def ask(
    client: httpx2.AsyncClient, question: str, heard: Heard | None = None, **options: Any
) -> AsyncGenerator[Heard, None]:
    """Yields after every event, so that a reader can leave in the middle."""
    heard = heard or Heard(sent_at_us=time.time_ns() // 1000)
    body = {"message": question, **options}
    async with client.stream("POST", "/api/chat/stream", json=body) as response:
        async for _ in _read(response, heard):
            yield heard


async def go_on(client: httpx2.AsyncClient, heard: Heard) -> AsyncGenerator[Heard, None]:
    """Reads the rest of a stream that was left."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(heard.seqs[-1])}
    async with client.stream("GET", f"/api/runs/{heard.run_id}/events", headers=headers) as stream:
        async for _ in _read(stream, heard):
            yield heard


async def _read(response: httpx2.Response, heard: Heard) -> AsyncGenerator[None, None]:
    if response.status_code != 200:
        await response.aread()
        raise RuntimeError(f"{response.status_code}: {response.text[:300]}")
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            heard.hear(json.loads(line[5:]))
            yield
