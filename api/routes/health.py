"""Whether the process lives, and whether it can take work."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from agents.limits.desk import Allotment
from agents.readiness import Part
from api.dependencies import Caller, House
from api.schemas import Out
from api.views import moment
from api.wire import PUSD
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


class Usage(Out):
    """What was used of the quota of this day. A limit that is null does not exist."""

    tokens: int
    tokens_limit: int | None
    cost_usd: float
    cost_limit_usd: float | None
    starts_again_at: datetime = Field(description="When the next day begins.")
    known: bool = Field(description="False: the figures cannot be read, and nothing is refused.")


class Me(Out):
    owner: str = Field(description="The name everything of theirs is stored under.")
    name: str
    role: Role
    via: Via
    usage: Usage | None = Field(default=None, description="null: there is no quota.")


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
    """Who the credential of this request belongs to, and what they used of their quota today."""
    found = await run_in_threadpool(house.limits.usage, caller.owner)
    usage = None if found is None else _usage(found)
    return Me(owner=caller.owner, name=caller.name, role=caller.role, via=caller.via, usage=usage)


def _usage(found: Allotment) -> Usage:
    limit = found.quota.pusd
    return Usage(
        tokens=found.used.tokens,
        tokens_limit=found.quota.tokens,
        cost_usd=found.used.pusd / PUSD,
        cost_limit_usd=None if limit is None else limit / PUSD,
        starts_again_at=moment(found.until_us),
        known=found.known,
    )
