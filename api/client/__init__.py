"""Switchboard from another Python program: the API as methods, sync and async.

    from api.client import Switchboard

    with Switchboard("http://127.0.0.1:8501") as switchboard:
        print(switchboard.chat("How do I change the port?").text)

Needs httpx2 and the value types of core/, nothing else of Switchboard: no server, no pages, no agents.
Reads no environment. Errors are those of core/errors.py, by their code, and the three of `problems`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.client.problems import AnswerLost, NotSwitchboard, Unreachable
from api.client.streams import AsyncStream, Stream
from api.client.sync import Switchboard
from api.client.values import Answer

if TYPE_CHECKING:
    from api.client.aio import AsyncSwitchboard

__all__ = [
    "Answer",
    "AnswerLost",
    "AsyncStream",
    "AsyncSwitchboard",
    "NotSwitchboard",
    "Stream",
    "Switchboard",
    "Unreachable",
]


def __getattr__(name: str) -> object:
    if name == "AsyncSwitchboard":  # asyncio is for those who use it
        from api.client.aio import AsyncSwitchboard

        return AsyncSwitchboard
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
