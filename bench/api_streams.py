"""What the API adds to the runtime, and what it carries: many streams, all whole.

    python -m bench.api_streams [--quick]

One answer at a time first: the time from the request until the run is submitted, and from the moment a
token is in the run's log until a client has it, beside a reader of the same log inside a process. Then
200 streams, 20 at a time: every event of each must arrive once, in order, with one end.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from agents.run import TurnRequest
from agents.runtime import Runtime
from bench.api_client import Heard, ask
from bench.apps import Provider, Switchboard, running, work_folder
from bench.figures import Line, figure, p95, say
from core.settings import Settings

MODEL = "openai:gpt-4o-mini"
SETTINGS = {
    "SWITCHBOARD_ANSWER_MODELS": MODEL,
    "SWITCHBOARD_ROUTER_MODELS": "local:extractive",
    "SWITCHBOARD_MAX_CONCURRENT_RUNS": "64",
}
QUESTION = "What is Switchboard?"
AGENT = "general"
TOKENS, RATE, WAIT_MS = 200, 100, 200


def measure(alone: int, streams: int, at_once: int) -> Iterator[Line]:
    with work_folder() as folder, running(provider := Provider(folder)):
        inside = inside_runtime(folder / "inside", provider, alone)
        app = Switchboard(folder / "app", **SETTINGS, **provider.environment)
        with running(app):
            app.wait_for_port()
            yield from asyncio.run(through_api(app, provider, inside, alone, streams, at_once))


def inside_runtime(folder: Path, provider: Provider, count: int) -> list[list[int]]:
    """Lags of a reader in the process of the runtime, per answer, in microseconds."""
    runtime = Runtime(
        Settings(
            data_dir=folder,
            openai_api_key="bench",  # type: ignore[arg-type]
            openai_base_url=provider.environment["OPENAI_BASE_URL"],
            answer_models=(MODEL,),
            router_models=("local:extractive",),
        )
    )
    try:
        provider.arm("inside", TOKENS, RATE, WAIT_MS)
        return [asyncio.run(_follow(runtime)) for _ in range(count + 1)][1:]
    finally:
        runtime.close()


async def _follow(runtime: Runtime) -> list[int]:
    run = runtime.start(TurnRequest(text=QUESTION, agent=AGENT))
    return [
        time.time_ns() // 1000 - event.at_us
        async for event in run.afollow()
        if event.type == "token"
    ]


async def through_api(
    app: Switchboard,
    provider: Provider,
    inside: list[list[int]],
    alone: int,
    streams: int,
    at_once: int,
) -> list[Line]:
    limits = httpx2.Limits(max_connections=at_once * 2)
    async with httpx2.AsyncClient(base_url=app.url, timeout=60, limits=limits) as client:
        await _until_ready(client)
        provider.arm("alone", TOKENS, RATE, WAIT_MS)
        single = [await _whole(client) for _ in range(alone + 1)][1:]
        before_s = app.cpu_s()
        health: list[float] = []
        begun = time.monotonic()
        watch = asyncio.create_task(_watch_health(client, health))
        gate = asyncio.Semaphore(at_once)

        async def one() -> Heard:
            async with gate:
                return await _whole(client)

        many = await asyncio.gather(*(one() for _ in range(streams)), return_exceptions=True)
        watch.cancel()
        wall_s, cpu_s = time.monotonic() - begun, app.cpu_s() - before_s
    return [
        *_of_one(single, inside),
        *_of_many(many, at_once, wall_s, cpu_s, health),
    ]


async def _until_ready(client: httpx2.AsyncClient) -> None:
    deadline = time.monotonic() + 60
    while (await client.get("/api/ready")).status_code != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("the app did not get ready")
        await asyncio.sleep(0.1)


async def _whole(client: httpx2.AsyncClient) -> Heard:
    heard = Heard(sent_at_us=time.time_ns() // 1000)
    async for _ in ask(client, QUESTION, heard, agent=AGENT):
        pass
    return heard


async def _watch_health(client: httpx2.AsyncClient, into: list[float]) -> None:
    while True:
        begun = time.monotonic()
        await client.get("/api/health")
        into.append((time.monotonic() - begun) * 1000)
        await asyncio.sleep(0.05)


def _of_one(single: list[Heard], inside: list[list[int]]) -> list[Line]:
    lags = [lag / 1000 for heard in single for lag in heard.lags_us]
    own = [lag / 1000 for answer in inside for lag in answer]
    added = [heard.first_token_added_us / 1000 for heard in single]
    return [
        figure("api.first_token_added", added, "ms", at_most=20),
        figure("api.token_lag_p50", statistics.median(lags), "ms",
               baseline=statistics.median(own), note="baseline: a reader inside the process"),
        figure("api.token_lag_p95", p95(lags), "ms", baseline=p95(own), at_most=20),
    ]  # fmt: skip


def _of_many(
    many: list[Any], at_once: int, wall_s: float, cpu_s: float, health: list[float]
) -> list[Line]:
    good = [heard for heard in many if isinstance(heard, Heard)]
    name = f"api.{len(many)}_streams_{at_once}_at_a_time"
    whole = [h for h in good if h.whole and h.kinds[-1] == "completed" and len(h.lags_us) >= TOKENS]
    lags = [lag / 1000 for heard in good for lag in heard.lags_us]
    own_s = WAIT_MS / 1000 + TOKENS / RATE
    return [
        figure(f"{name}.not_whole", len(many) - len(whole), "streams", at_most=0),
        figure(f"{name}.token_lag_p95", p95(lags), "ms", at_most=20),
        figure(f"{name}.first_token_added_p95",
               p95([h.first_token_added_us / 1000 for h in good if h.first_heard_us]), "ms"),
        figure(f"{name}.wall", wall_s, "s", baseline=own_s * len(many) / at_once,
               note="baseline: the model's own time"),
        figure(f"{name}.server_cpu_per_token", cpu_s * 1e6 / max(1, len(lags)), "us"),
        figure(f"{name}.health_p99", sorted(health)[int(len(health) * 0.99)] if health else 0.0,
               "ms", at_most=200),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    say(measure(3, 40, 20) if given.quick else measure(10, 200, 20))


if __name__ == "__main__":
    main()
