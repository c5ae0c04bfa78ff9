"""The 200 of a route that answers with an event stream, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_EXAMPLE = 'id: 7\nevent: token\ndata: {"type":"token","seq":7,"content":"Set"}\n\n'


def event_stream(description: str) -> dict[int | str, dict[str, Any]]:
    """For `responses=`."""
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}
    return {200: {"description": description, "content": content}}
