"""Who may answer now: a bounded number of places, given in turn to everybody who waits.

People take turns: somebody with fifty waiting runs delays nobody else by more than one. A person may
have a limit of their own, and everything nobody watches (evaluations) together takes at most half of
the places. Used on the run loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from itertools import chain, zip_longest

Lane = tuple[str, bool]
"""Owner, and whether it is background: the two kinds of one person take turns as well."""


@dataclass(eq=False, slots=True)
class _Waiting:
    run_id: str
    turn: asyncio.Future[None] = field(default_factory=asyncio.Future)


def _always(owner: str, running: int) -> bool:
    return True


class Places:
    """`async with places.take(...)` around what needs one."""

    def __init__(
        self,
        most: int,
        *,
        per_person: int | None = None,
        may_begin: Callable[[str, int], bool] = _always,
    ) -> None:
        """`per_person`: places of one owner, background aside. `may_begin(owner, running)`: whether
        another run of an owner who has so many may begin; asked again when one of them ended."""
        self._free = most
        self._background_free = max(1, most // 2)
        self._per_person = per_person
        self._may_begin = may_begin
        self._running: Counter[Lane] = Counter()
        self._lanes: OrderedDict[Lane, deque[_Waiting]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def take(
        self,
        run_id: str,
        owner: str,
        *,
        background: bool = False,
        on_wait: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[None, None]:
        """Waits for a place, and gives it back. `on_wait` is called once when there is none yet."""
        lane, mine = (owner, background), _Waiting(run_id)
        self._lanes.setdefault(lane, deque()).append(mine)
        self._give()
        try:
            if not mine.turn.done():
                on_wait()
            await mine.turn
            yield
        finally:
            if mine.turn.done() and not mine.turn.cancelled():
                self._take_back(lane)
            else:
                self._leave(lane, mine)
            self._give()

    def order(self) -> list[str]:
        """Ids of the runs that wait, in the order in which they will be served."""
        rounds = zip_longest(*self._lanes.values())
        return [one.run_id for one in chain.from_iterable(rounds) if one is not None]

    def _give(self) -> None:
        while (lane := next(filter(self._fits, self._lanes), None)) is not None:
            waiting = self._lanes.pop(lane)
            first = waiting.popleft()
            if waiting:
                self._lanes[lane] = waiting  # behind the others
            if first.turn.done():  # stopped, and its task did not get to leave yet
                continue
            first.turn.set_result(None)
            self._free -= 1
            self._background_free -= lane[1]
            self._running[lane] += 1

    def _fits(self, lane: Lane) -> bool:
        owner, background = lane
        if not self._free or (background and not self._background_free):
            return False
        if not background and self._per_person and self._running[lane] >= self._per_person:
            return False
        return self._may_begin(owner, self._running[owner, True] + self._running[owner, False])

    def _take_back(self, lane: Lane) -> None:
        self._free += 1
        self._background_free += lane[1]
        self._running[lane] -= 1
        if not self._running[lane]:
            del self._running[lane]

    def _leave(self, lane: Lane, mine: _Waiting) -> None:
        waiting = self._lanes.get(lane)
        if waiting is not None and mine in waiting:
            waiting.remove(mine)
            if not waiting:
                del self._lanes[lane]
