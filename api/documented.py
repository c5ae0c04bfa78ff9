"""The 200 of a route that answers with an event stream, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_EXAMPLE = 'id: 7\nevent: token\ndata: {"type":"token","seq":7,"content":"Set"}\n\n'

READ_TO_END: dict[int | str, dict[str, Any]] = {
    204: {"description": "The stream had ended with `Last-Event-ID`: do not come back."}
}
"""For `responses=`, beside that of `event_stream`."""


def event_stream(description: str) -> dict[int | str, dict[str, Any]]:
    """For `responses=`."""
    content = {
        "text/event-stream": {"schema": {"description": "Server-sent events"}, "example": _EXAMPLE}
    }
    return {200: {"description": description, "content": content}}
