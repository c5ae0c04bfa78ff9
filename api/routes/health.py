"""Whether the process lives, and whether it can take work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from agents.readiness import Part
from api.dependencies import Caller, House
from api.schemas import Out
from core.errors import NotLoggedIn
from core.identity import Role, Via

router = APIRouter(tags=["service"])
DRAINING = Part(
    name="draining", status="waiting", detail="It is shutting down and takes no new work."
)


class Health(Out):
    status: Literal["ok"] = "ok"


class Ready(Out):
    status: Literal["ready", "not_ready"]
    parts: list[Part] | None = Field(
        default=None, description="Part by part; only for who is logged in, where people log in."
    )


class Me(Out):
    owner: str = Field(description="The name everything of theirs is stored under.")
    name: str
    role: Role
    via: Via


@router.get("/health")
async def health() -> Health:
    """Lives: answers as long as the server runs, whatever else is broken."""
    return Health()


@router.get(
    "/ready",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "It cannot take work now."}},
)
async def ready(request: Request, house: House) -> Response:
    """Can take work: 200 or 503, within two seconds, without asking a provider.

    Open to everybody, so that a load balancer can ask; what is wrong is told to who is logged in.
    """
    parts = await run_in_threadpool(house.readiness.parts)
    if request.app.state.drain.draining:
        parts = [DRAINING if part.name == DRAINING.name else part for part in parts]
    fine = all(part.ok for part in parts)
    shown = Ready(
        status="ready" if fine else "not_ready",
        parts=parts if await run_in_threadpool(_knows, house, request) else None,
    )
    return JSONResponse(
        shown.model_dump(mode="json", exclude_none=True),
        200 if fine else 503,
        headers={} if fine else {"Retry-After": "1"},
    )


def _knows(house: House, request: Request) -> bool:
    try:
        house.identity.from_bearer(request.headers.get("authorization"))
    except NotLoggedIn:
        return False
    return True


@router.get("/me")
async def me(caller: Caller, house: House) -> Me:
    """Who the credential of this request belongs to."""
    return Me(owner=caller.owner, name=caller.name, role=caller.role, via=caller.via)
