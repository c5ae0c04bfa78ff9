"""Whether the process lives, and whether it can take work."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Caller, House

router = APIRouter(tags=["service"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Lives: answers as long as the server runs, whatever else is broken."""
    return {"status": "ok"}


@router.get("/me")
async def me(caller: Caller, house: House) -> dict[str, str]:
    """Who the credential of this request belongs to."""
    return {"owner": caller.owner, "name": caller.name, "role": caller.role, "via": caller.via}
