"""What our provider classes cost against LangChain's own: CPU per token, time from cancel to close.

    .venv/bin/python -m bench.providers

Prints one JSON object per line: name, value, unit, baseline (the parent class), ratio. The scripted
provider runs in its own process, so CPU is the client's alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from agents.providers.clients import ProviderClients
from tests.provider import ProviderServer, Reply
from tests.provider.langchain import (
    async_bedrock,
    chunks_of,
    fast_openai,
    parent_bedrock,
    parent_openai,
    run,
)

TOKENS = 4000
ROUNDS = 5
CANCELS = 5
Make = Callable[[str, ProviderClients], Any]


def serve(pipe: Connection) -> None:
    """The provider's process: says its port, ends when told to."""
    with ProviderServer() as server:
        server.default = Reply(chunks=(" word",) * TOKENS)
        pipe.send(server.port)
        pipe.recv()


def burst_us(make: Make, url: str) -> float:
    """CPU microseconds per token of the whole process, median of a few rounds."""

    async def measure(clients: ProviderClients) -> float:
        model = make(url, clients)
        await chunks_of(model)
        rounds = []
        for _ in range(ROUNDS):
            start = time.process_time()
            count = 0
            async for chunk in model.astream("Hi"):
                count += bool(chunk.text)
            assert count == TOKENS
            rounds.append(time.process_time() - start)
        return statistics.median(rounds) / TOKENS * 1e6

    return run(measure)


def cancel_ms(make: Make, openai: bool, reply: Reply) -> float:
    """Median milliseconds from task.cancel() until the provider saw the connection close."""
    with ProviderServer() as server:
        server.default = reply
        url = server.openai_url if openai else server.bedrock_url

        async def once(model: Any, number: int) -> float:
            task = asyncio.create_task(chunks_of(model))
            await asyncio.to_thread(server.wait_for_request, number)
            await asyncio.sleep(0.15)
            at = time.monotonic()
            task.cancel()
            await asyncio.wait({task})
            # The parent's stream is closed when its frames are freed: keep nothing that holds them.
            del task
            request = server.requests[number - 1]
            # Set in the server's thread, so no event of this loop.
            while not (end := request.closed_by_client_at or request.ended):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            return (end - at) * 1000

        async def measure(clients: ProviderClients) -> float:
            model = make(url, clients)
            return statistics.median([await once(model, n + 1) for n in range(CANCELS)])

        return run(measure)


def construct_ms(make: Make, url: str) -> float:
    """CPU milliseconds to make one more model object."""

    async def measure(clients: ProviderClients) -> float:
        make(url, clients)
        start = time.process_time()
        for _ in range(20):
            make(url, clients)
        return (time.process_time() - start) / 20 * 1000

    return run(measure)


def report(name: str, value: float, unit: str, baseline: float) -> None:
    ratio = round(baseline / value, 2) if value else None
    line = {"name": name, "value": round(value, 2), "unit": unit, "baseline": round(baseline, 2)}
    print(json.dumps({**line, "ratio": ratio}), flush=True)


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    host = f"http://127.0.0.1:{ours.recv()}"
    v1 = f"{host}/v1"
    for state in ("", ", start-up objects frozen"):
        if state:
            # LangChain leaves 170,000 objects behind; a stream that keeps its chunks makes Python
            # walk them all, again and again.
            gc.collect()
            gc.freeze()
        us = "us CPU/token"
        report(f"openai burst{state}", burst_us(fast_openai, v1), us, burst_us(parent_openai, v1))
        report(
            f"bedrock burst{state}",
            burst_us(async_bedrock, host),
            us,
            burst_us(parent_bedrock, host),
        )
    report("openai construct", construct_ms(fast_openai, v1), "ms", construct_ms(parent_openai, v1))
    report(
        "bedrock construct",
        construct_ms(async_bedrock, host),
        "ms",
        construct_ms(parent_bedrock, host),
    )
    ours.send("stop")
    process.join(5)
    mid = Reply(chunks=(" word",) * 60, per_token_ms=50)
    waiting = Reply(first_ms=1500)
    for name, reply in (("mid-stream", mid), ("waiting for the first token", waiting)):
        for provider, make, parent in (
            ("openai", fast_openai, parent_openai),
            ("bedrock", async_bedrock, parent_bedrock),
        ):
            openai = provider == "openai"
            report(
                f"{provider} cancel, {name}",
                cancel_ms(make, openai, reply),
                "ms",
                cancel_ms(parent, openai, reply),
            )


if __name__ == "__main__":
    main()
