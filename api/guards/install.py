"""Puts the guards around the API, in the one order that makes sense."""

from __future__ import annotations

from fastapi import FastAPI

from api.guards.addresses import Addresses
from api.guards.bodies import Bodies, BodyLimits
from api.guards.entrance import Entrance
from api.guards.mishaps import Mishaps
from api.guards.origins import Origins
from api.guards.replies import Replies
from core.settings import Settings


def install(api: FastAPI, settings: Settings) -> None:
    """Before the first request. The last one added is the outermost."""
    limits = BodyLimits(max_bytes=settings.max_body_bytes, max_file_bytes=settings.max_import_bytes)
    api.add_middleware(Bodies, limits=limits)
    api.add_middleware(Entrance)
    api.add_middleware(Origins, allowed=settings.allowed_origins)
    api.add_middleware(Addresses)
    api.add_middleware(Replies)
    api.add_middleware(Mishaps)
