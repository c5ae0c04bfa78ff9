"""What every route gets: the one runtime, and who asks. Routes hold no state of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from agents.current import current_runtime
from agents.identity.desk import demand
from core.identity import Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime


async def _house() -> Runtime:
    return await run_in_threadpool(current_runtime)


async def house_of(api: FastAPI) -> Runtime:
    """The runtime its routes get. Raises SwitchboardError when it cannot start."""
    house: Runtime = await api.dependency_overrides.get(_house, _house)()
    return house


async def _caller(connection: HTTPConnection) -> Principal:
    """Found at the entrance (api/guards/entrance.py), from the `Authorization` header alone: no cookie,
    query or proxy header makes anybody somebody."""
    principal: Principal = connection.state.principal
    return principal


async def _stopper(caller: Caller) -> Principal:
    """Somebody who may chat. Not counted: whoever asked too often must still be able to stop."""
    demand(caller, "chat")
    return caller


async def _chatter(caller: Stopper, house: House) -> Principal:
    """Somebody who may chat, and has not asked too often."""
    await run_in_threadpool(count_request, house, caller)
    return caller


def count_request(house: Runtime, caller: Principal) -> None:
    """One of the requests that somebody may make in a time. Raises RateLimited. May block."""
    house.limits.request(caller)


House = Annotated["Runtime", Depends(_house)]
Caller = Annotated[Principal, Depends(_caller)]
Stopper = Annotated[Principal, Depends(_stopper)]
Chatter = Annotated[Principal, Depends(_chatter)]
