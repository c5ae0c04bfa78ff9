"""For a Prometheus server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from agents.identity.desk import demand
from analytics.prometheus import Reading
from api.dependencies import Caller, House

router = APIRouter(tags=["service"])
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus text, or OpenMetrics when `Accept` asks for it.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": 'switchboard_runs_total{status="completed",gen_ai_agent_name="technical",'
                'entry_point="chat"} 12.0\n',
            },
            "application/openmetrics-text": {"schema": {"type": "string"}},
        },
    }
}


@router.get("/metrics", response_class=Response, responses=_TEXT)
async def metrics(request: Request, caller: Caller, house: House) -> Response:
    """Counters and histograms since the start of the process, without anybody's name.

    Needs the right to see everybody's figures where people log in: give Prometheus an API key.
    """
    demand(caller, "all_figures")
    accept = request.headers.get("accept", "")
    streams = Reading(
        name="switchboard_open_streams",
        text="Event streams and sockets that are read now.",
        kind="gauge",
        value=request.app.state.drain.readers,
    )
    text, content_type = await run_in_threadpool(house.metrics.text, accept, [streams])
    return Response(text, media_type=None, headers={"content-type": content_type})
