"""Answers to programs that keep the conversation themselves and send all of it with every question.

Their thread is in memory and goes with the end of its run; only counters stay.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import InvalidInput, NotFound
from core.text import clean

if TYPE_CHECKING:
    from agents.databases import Databases
    from agents.files.desk import Files
    from agents.run import Run, Said, TurnRequest
    from agents.runtime.turns import TurnMaker
    from agents.threads import ThreadStore

log = logging.getLogger(__name__)
MOST_EARLIER = 2_000
MOST_STOPS = 4
LONGEST_STOP = 200


def checked_earlier(request: TurnRequest) -> tuple[Said, ...]:
    """What was said before, as it can be stored. Raises InvalidInput, also for how an answer ends."""
    _check_ends(request)
    if request.one_off and not request.temporary:
        raise InvalidInput("Only a temporary thread can go with its answer.")
    if not request.earlier:
        return ()
    if request.thread_id is not None:
        raise InvalidInput(
            "A thread that exists has its own earlier messages.",
            what_to_do="Send the question alone, or the whole conversation without a thread.",
        )
    if len(request.earlier) > MOST_EARLIER:
        raise InvalidInput(
            f"The conversation has {len(request.earlier):,} earlier messages; at most "
            f"{MOST_EARLIER:,} can be sent.",
            what_to_do="Leave the oldest out.",
        )
    return tuple(replace(said, text=clean(said.text)) for said in request.earlier)


def _check_ends(request: TurnRequest) -> None:
    if request.max_tokens is not None and request.max_tokens < 1:
        raise InvalidInput("An answer needs at least one token.")
    too_long = any(not 0 < len(text) <= LONGEST_STOP for text in request.stop)
    if len(request.stop) > MOST_STOPS or too_long:
        raise InvalidInput(
            f"An answer can end at {MOST_STOPS} texts of 1 to {LONGEST_STOP} characters at most."
        )


class OneOffs:
    """Removes threads that nobody can ask for again. One per runtime."""

    def __init__(
        self, databases: Databases, threads: ThreadStore, files: Files, turns: TurnMaker
    ) -> None:
        self._databases = databases
        self._threads = threads
        self._files = files
        self._turns = turns

    async def forget(self, run: Run) -> None:
        """After the terminal event. Never raises: what stays is in memory and ends with the process."""
        try:
            ids = await asyncio.to_thread(self._delete, run.thread_id, run.request.owner)
            await self._turns.forget(run.thread_id, temporary=True)
            self._databases.forget(run.thread_id, *ids)
        except Exception:
            log.warning("the thread of run %s stays in memory", run.id, exc_info=True)

    def _delete(self, thread_id: str, owner: str) -> list[str]:
        try:
            ids = self._threads.delete(thread_id, owner)
        except NotFound:  # deleted by a person's erasure meanwhile
            return []
        self._files.forget_thread(thread_id)
        return ids
