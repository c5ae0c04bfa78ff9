"""Wakes one asyncio loop from any thread, however often it is asked to, with one call of that loop."""

from __future__ import annotations

import asyncio
import contextlib


class LoopSignal:
    """Made on the loop that waits. `clear`, then look, then `wait`: nothing that came is missed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._asked = False

    def set(self) -> None:
        """Any thread. Neither blocks nor raises."""
        if self._asked:
            return  # whoever waits has not looked yet
        self._asked = True
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """On its loop, before looking at what there is."""
        self._event.clear()
        self._asked = False

    async def wait(self) -> None:
        await self._event.wait()
