"""Runs: how far they are, what they wrote, every event; stop them, and answer what they ask.

`/workflows` is the name older clients know for the same resource.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from agents.run_reader import RunLog, RunState, RunView
from api.asking import go_on, stop
from api.dependencies import Chatter, House, Stopper
from api.documented import READ_TO_END, event_stream
from api.routes.chat import After, LastEventId, place
from api.schemas import EventsOut, ResumeRequest, RunDetail, RunStateOut
from api.streams import EventStream, RunSource, read_to_end
from api.views import run_detail, run_state
from api.wire import event_json, to_bytes
from core.events_codec import TERMINAL_TYPES

router = APIRouter(tags=["runs"])
RunId = Annotated[str, Path(description="32 hexadecimal characters.")]
_ALIAS: dict[str, Any] = {"tags": ["workflows"], "summary": "The same as under /runs"}
MOST_EVENTS = 5_000


@router.get("/runs/{run_id}", response_model=RunDetail)
@router.get("/workflows/{run_id}", response_model=RunDetail, **_ALIAS)
async def one(run_id: RunId, caller: Chatter, house: House) -> RunDetail:
    """A run: its state, what it wrote so far, what it took, what it asks people."""

    def read() -> RunDetail:
        view: RunView = house.run_reader.view(run_id, caller.owner)
        asked = house.waiting.asked_by(run_id, caller.owner) if view.summary.interrupts else ()
        return run_detail(view, asked)

    return await run_in_threadpool(read)


@router.get("/runs/{run_id}/status", response_model=RunStateOut)
@router.get("/workflows/{run_id}/status", response_model=RunStateOut, **_ALIAS)
async def status(run_id: RunId, caller: Chatter, house: House) -> RunStateOut:
    """Whether it goes on; small enough to be asked for every second."""
    return run_state(await run_in_threadpool(house.run_reader.state, run_id, caller.owner))


@router.get(
    "/runs/{run_id}/events",
    response_model=EventsOut,
    responses={
        200: {
            **event_stream("The events with `seq > after`.")[200],
            "model": EventsOut,
        },
        **READ_TO_END,
    },
)
async def events(
    run_id: RunId,
    caller: Chatter,
    house: House,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS, description="Of JSON only.")] = 1_000,
    last_event_id: LastEventId = None,
    accept: Annotated[str | None, Header(description="`text/event-stream` to follow it.")] = None,
) -> Response:
    """The events of a run, living or long ended: as far as they are now, or followed to its end.

    Any number of clients of the same owner may follow one run, each from where it wants.
    """
    run: RunLog = await run_in_threadpool(house.run_reader.log, run_id, caller.owner)
    where = place(after, last_event_id)
    if "text/event-stream" not in (accept or ""):
        return _part(run, where, limit)
    if read_to_end(run, where):
        return Response(status_code=204)
    check = partial(house.identity.check, caller)
    return EventStream(RunSource(run, where), check=check)


@router.post("/runs/{run_id}/cancel", response_model=RunStateOut)
async def cancel(run_id: RunId, caller: Stopper, house: House) -> RunStateOut:
    """Asks a run to stop; one that has ended is left as it is. What it wrote so far is kept.
    It does not count for the rate limit."""

    def ask() -> RunState:
        house.run_reader.state(run_id, caller.owner)
        stop(house, run_id)
        return house.run_reader.state(run_id, caller.owner)

    return run_state(await run_in_threadpool(ask))


@router.post("/runs/{run_id}/resume", response_model=RunStateOut)
async def resume(run_id: RunId, given: ResumeRequest, caller: Chatter, house: House) -> RunStateOut:
    """Answers what a run asks people. Gives the run that goes on with it: follow that one.

    Questions that are not answered here are asked again by that run.
    """
    return run_state(await run_in_threadpool(go_on, house, caller, run_id, given.decisions))


def _part(run: RunLog, after: int, limit: int) -> Response:
    part = run.part(after, limit)
    last = part[-1] if part else run.last_event()
    finished = last is not None and last.type in TERMINAL_TYPES
    log = run.read() if finished and part else ()
    body = ",".join(event_json(event, run.thread_id, log) for event in part)
    following = part[-1].seq if part else after
    return Response(
        to_bytes(
            f'{{"run_id":"{run.id}","thread_id":"{run.thread_id}","events":[{body}],'
            f'"after":{following},"finished":{str(finished).lower()}}}'
        ),
        media_type="application/json",
    )
