"""Whether the credential of somebody who reads along still holds: asked again while they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from core.errors import StorageError, SwitchboardError

log = logging.getLogger(__name__)
RECHECK_S = 15.0
TRIES = 3
"""Times in a row that nobody could look, before a reader has to go: a database that is away for a
moment ends no stream, and a credential that ended does within a minute all the same."""


class Recheck:
    """Asks every RECHECK_S; what is sent meanwhile does not wait for the answer."""

    def __init__(self, check: Callable[[], object] | None, wake: Callable[[], None]) -> None:
        """`check` raises SwitchboardError, and may block. `wake` is called when it did."""
        self._check, self._wake = check, wake
        self.failed: SwitchboardError | None = None
        self._task: asyncio.Task[None] | None = None
        if check is not None:
            self._task = asyncio.create_task(self._ask(check))

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _ask(self, check: Callable[[], object]) -> None:
        unread = 0
        while self.failed is None:
            await asyncio.sleep(RECHECK_S)
            try:
                await run_in_threadpool(check)
                unread = 0
            except SwitchboardError as error:
                away = isinstance(error, StorageError)
                unread += away
                if not away or unread >= TRIES:
                    self.failed = error
                    self._wake()
            except Exception:
                log.exception("a credential could not be checked; it is tried again")
