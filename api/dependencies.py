"""What every route gets: the one runtime, and who asks. Routes hold no state of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from agents.current import current_runtime
from core.identity import Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime


async def _house() -> Runtime:
    return await run_in_threadpool(current_runtime)


async def _caller(request: Request, house: House) -> Principal:
    """Only the `Authorization` header counts: no cookie, query or proxy header makes anybody somebody."""
    header = request.headers.get("authorization")
    return await run_in_threadpool(house.identity.from_bearer, header)


House = Annotated["Runtime", Depends(_house)]
Caller = Annotated[Principal, Depends(_caller)]
