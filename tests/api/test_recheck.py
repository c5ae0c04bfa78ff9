"""Whether a credential still holds, asked while somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from api import recheck
from api.recheck import Recheck
from core.errors import NotLoggedIn, StorageError, SwitchboardError

AWAY, ENDED = StorageError("app.db is locked by another program."), NotLoggedIn("It ended.")


def outcome(answers: list[SwitchboardError | None]) -> SwitchboardError | None:
    """Why the reader has to go, when these come one after the other; None: it may stay."""
    coming: Iterator[SwitchboardError | None] = iter(answers)

    async def read() -> SwitchboardError | None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def check() -> None:
            try:
                said = next(coming)
            except StopIteration:
                loop.call_soon_threadsafe(over.set)
                return
            if said is not None:
                raise said

        asked = Recheck(check, over.set)
        try:
            await asyncio.wait_for(over.wait(), 20)
        finally:
            asked.close()
        return asked.failed

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([None, None], None),
        ([None, ENDED], ENDED),
        ([AWAY, AWAY, None, AWAY, AWAY], None),
        ([AWAY, AWAY, AWAY], AWAY),
        ([AWAY, ENDED], ENDED),
    ],
)
def test_a_database_that_is_away_for_a_moment_ends_no_stream(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[SwitchboardError | None],
    why: SwitchboardError | None,
) -> None:
    """Everybody's streams ended with its error, and sockets with "log in again"."""
    monkeypatch.setattr(recheck, "RECHECK_S", 0.001)
    assert outcome(answers) is why
