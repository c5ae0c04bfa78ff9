"""The reference for people. The one for programs is /openapi.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from api.dependencies import House

if TYPE_CHECKING:
    from fastapi import FastAPI

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def reference(request: Request, house: House) -> HTMLResponse:
    """Every operation with its parameters, body, an example and its errors."""
    return HTMLResponse(
        await run_in_threadpool(_page, request.app, house.identity.required),
        headers={"Cache-Control": "no-cache"},
    )


def _page(api: FastAPI, login: bool) -> str:
    """Made once: neither the routes nor the login change while the process lives."""
    from api.reference import reference_page

    made: str | None = getattr(api.state, "reference", None)
    if made is None:
        made = api.state.reference = reference_page(api.openapi(), login=login)
    return made
