"""Questions and answers: as one answer, or as it is written."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.asking import start, stop, wait_for_end
from api.dependencies import Chatter, House
from api.documented import READ_TO_END, event_stream
from api.schemas import ChatRequest, RunOut
from api.streams import EventStream, RunSource, read_to_end
from api.views import run_out, status_of

router = APIRouter(tags=["chat"])
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
LastEventId = Annotated[
    str | None, Header(description="Where an event stream broke off; the `id` of its last event.")
]
After = Annotated[
    int | None,
    Query(
        ge=-1,
        le=2**53,
        description="Only events with a greater `seq`; of this and `Last-Event-ID` the later counts.",
    ),
]


@router.post("/chat", response_model=RunOut)
async def chat(
    asked: ChatRequest,
    request: Request,
    caller: Chatter,
    house: House,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """One answer, when it is there.

    An answer that failed has the status of its error, and in the body, beside `error`, the ids and
    the text so far. One that waits for a person has the status 200 and `interrupts`.
    """
    run = await start(house, caller, asked, stream=False, key=idempotency_key)
    leave = partial(stop, house, run.id) if asked.stop_on_disconnect else None
    await wait_for_end(run, request.receive, leave)
    view = await run_in_threadpool(house.run_reader.view, run.id, caller.owner)
    return JSONResponse(run_out(view).model_dump(mode="json"), status_of(view))


@router.post(
    "/chat/stream",
    response_class=EventStream,
    status_code=200,
    responses=event_stream("The events of the run, as they come.") | READ_TO_END,
)
async def chat_stream(
    asked: ChatRequest,
    caller: Chatter,
    house: House,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """The answer as it is written, as server-sent events: `id` is the event's `seq`, `event` its type.

    The last event is exactly one of completed, error, cancelled, interrupted. The run goes on when the
    client leaves, unless `stop_on_disconnect` is set. With an idempotency key the same request leads
    back to the same run, after the event that `Last-Event-ID` or `after` names.
    """
    run = await start(house, caller, asked, stream=True, key=idempotency_key)
    where = place(after, last_event_id)
    headers = {"X-Run-Id": run.id, "X-Thread-Id": run.thread_id}
    if read_to_end(run, where):
        return Response(status_code=204, headers=headers)
    return EventStream(
        RunSource(run, where),
        check=partial(house.identity.check, caller),
        on_leave=partial(stop, house, run.id) if asked.stop_on_disconnect else None,
        headers=headers,
    )


def place(after: int | None, last_event_id: str | None) -> int:
    """The `seq` after which a client wants to read on. What is no number is no place: all of it.

    The later of the two: an EventSource comes back to the address it began with, `after` and all.
    """
    known = (last_event_id or "").strip()
    got = int(known) if known.isascii() and known.isdecimal() and len(known) < 16 else -1
    return got if after is None else max(got, after)
