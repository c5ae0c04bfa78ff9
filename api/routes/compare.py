"""One question to two to six configurations at once."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.comparing import Compared, CompareRequest, MergedSource, ask, whole
from api.dependencies import Chatter, House
from api.streams import EventStream

router = APIRouter(tags=["compare"])
_EXAMPLE = 'event: token\ndata: {"type":"token","seq":7,"content":"Set","column":1}\n\n'


@router.post(
    "/compare",
    response_model=Compared,
    responses={
        200: {
            "model": Compared,
            "description": "All answers; with `stream`, the events of all columns.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def compare(asked: CompareRequest, caller: Chatter, house: House) -> Response:
    """Asks all configurations at the same time.

    With `stream` first `comparing` says which run answers which column; then come the events of all
    runs, each with its `column`; each column ends with exactly one terminal event; last comes
    `compared`, with the figures side by side. The answers go on when the client leaves; the stream of
    a single column can be taken up again with GET /runs/{id}/events.
    """
    begun = await run_in_threadpool(ask, house, caller, asked)
    if asked.stream:
        return EventStream(
            MergedSource(begun),
            check=partial(house.identity.check, caller),
            headers={"X-Comparison-Id": begun.comparison.id},
        )
    answer = await whole(house, caller, begun)
    return JSONResponse(answer.model_dump(mode="json"))
