"""From a request of a program to a run, the same for JSON, event stream and socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive

from agents.loop_signal import LoopSignal
from agents.run import TurnRequest
from agents.run_reader import RunLog, RunState
from api.schemas import ChatRequest
from core.errors import InvalidInput, NotFound
from core.events_codec import TERMINAL_TYPES
from core.identity import Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime


def turn_of(asked: ChatRequest, caller: Principal, *, stream: bool) -> TurnRequest:
    return TurnRequest(
        text=asked.message,
        thread_id=asked.thread_id,
        owner=caller.owner,
        agent=asked.agent,
        model=asked.model,
        graph=asked.graph or "supervisor",
        entry_point="api",
        stream=stream,
        metadata=asked.metadata or {},
    )


async def start(
    house: Runtime,
    caller: Principal,
    asked: ChatRequest,
    *,
    stream: bool,
    key: str | None = None,
) -> RunLog:
    """The run that answers: a new one, or that of the same request before. `key`: of the header."""
    if key and asked.idempotency_key and key != asked.idempotency_key:
        raise InvalidInput(
            "The header and the body name two different idempotency keys.",
            what_to_do="Send one of them.",
        )
    key, turn = key or asked.idempotency_key, turn_of(asked, caller, stream=stream)

    def begin() -> RunLog:
        if turn.model is not None:  # another one would answer, and nothing would say so
            house.models.demand(turn.model)
        if key is None:
            return house.start(turn)
        return house.run_reader.log(house.asked_once.start(turn, key), caller.owner)

    return await run_in_threadpool(begin)


def go_on(house: Runtime, caller: Principal, run_id: str, decisions: Mapping[str, Any]) -> RunState:
    """Checks what people decided, and starts the run that goes on with theirs. Blocks."""
    turn = house.waiting.checked_request(run_id, caller.owner, decisions)
    run = house.start(replace(turn, entry_point="api"))
    return house.run_reader.state(run.id, caller.owner)


def stop(house: Runtime, run_id: str) -> None:
    """Stops a run that may have ended already."""
    with contextlib.suppress(NotFound):
        house.runs.cancel(run_id, by="api")


async def wait_for_end(
    run: RunLog, receive: Receive | None = None, on_leave: Callable[[], object] | None = None
) -> None:
    """Waits for the terminal event. `on_leave` is called when the client leaves before that; it may
    block, and the wait goes on: the run then ends soon."""
    signal = LoopSignal()

    def wake() -> None:
        if _has_ended(run):
            signal.set()

    run.attach(wake)
    listening = None
    if receive is not None and on_leave is not None:
        listening = asyncio.create_task(_listen(receive, on_leave))
    try:
        if not _has_ended(run):
            await signal.wait()
    finally:
        run.detach(wake)
        if listening is not None:
            listening.cancel()


def _has_ended(run: RunLog) -> bool:
    last = run.last_event()
    return last is not None and last.type in TERMINAL_TYPES


async def _listen(receive: Receive, on_leave: Callable[[], object]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    await run_in_threadpool(on_leave)
