"""What this installation is, and which models it can ask."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from agents.about import Agent, Graph, ModelAbout, about, models
from api.dependencies import Caller, House
from api.schemas import Out

router = APIRouter(tags=["service"])
OF_THE_SOCKET = "Questions, answers, stops and decisions on one connection."
"""OpenAPI describes no sockets."""


class Endpoint(Out):
    path: str = Field(examples=["/chat"])
    method: str
    summary: str


class Info(Out):
    """No path, host, key or person is in it."""

    service: str
    version: str
    environment: str | None
    versions: Mapping[str, str] = Field(description="Of what Switchboard stands on.")
    features: Mapping[str, bool] = Field(description="What is switched on.")
    graphs: list[Graph]
    agents: list[Agent]
    endpoints: list[Endpoint] = Field(description="Below the address of the API.")
    limits: Mapping[str, int | float | str | None] = Field(description="Of requests; null: none.")
    warnings: list[str]


class Models(Out):
    models: list[ModelAbout]
    catalogue_of: date = Field(description="The day of the catalogue of models and prices.")


@router.get("/info")
async def info(request: Request, caller: Caller, house: House) -> Info:
    """Version, versions of what it stands on, what is switched on, agents, limits, warnings."""
    found = await run_in_threadpool(about, house)
    fields = {one.name: getattr(found, one.name) for one in dataclasses.fields(found)}
    endpoints = await run_in_threadpool(_endpoints, request)
    return Info(**fields, endpoints=endpoints)


@router.get("/models")
async def list_models(caller: Caller, house: House) -> Models:
    """Every model that can be chosen: whether it is usable and why not, what it can do, its prices."""
    found = await run_in_threadpool(models, house)
    return Models(models=found, catalogue_of=house.catalog.date)


def _endpoints(request: Request) -> list[Endpoint]:
    found = []
    for path, operations in request.app.openapi()["paths"].items():
        for method, operation in operations.items():
            first, _, _ = str(operation.get("description", "")).partition("\n\n")
            about = " ".join(first.split())
            found.append(Endpoint(path=path, method=method.upper(), summary=about))
    return [*found, Endpoint(path="/ws/chat", method="WEBSOCKET", summary=OF_THE_SOCKET)]
