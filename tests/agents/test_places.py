"""Places are given in turn: nobody is starved, nobody passes their own limit, none is lost by a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents.places import Places


class Yard:
    """Runs that hold their place until they are let go."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.running: list[str] = []
        self.began: list[str] = []
        self.waited: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def ask(self, owner: str, *names: str, background: bool = False) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._run(owner, name, background))
        await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await settled()

    async def stop(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        await settled()

    async def _run(self, owner: str, name: str, background: bool) -> None:
        async with self.places.take(
            name, owner, background=background, on_wait=lambda: self.waited.append(name)
        ):
            self.running.append(name)
            self.began.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def on_a_loop(places: Callable[[], Places]) -> Callable[[Callable[[Yard], Awaitable[None]]], None]:
    def run(script: Callable[[Yard], Awaitable[None]]) -> None:
        async def main() -> None:
            await script(Yard(places()))

        asyncio.run(main())

    return run


@pytest.fixture
def one() -> Any:
    return on_a_loop(lambda: Places(1))


def test_people_take_turns(one: Any) -> None:
    """Fifty runs of one person were there first; somebody else waits for one of them only."""

    async def script(yard: Yard) -> None:
        many = [f"a{n}" for n in range(50)]
        await yard.ask("ann", *many)
        await yard.ask("bob", "b0", "b1")
        await yard.ask("cy", "c0")
        assert yard.places.order()[:7] == ["a1", "b0", "c0", "a2", "b1", "a3", "a4"]
        for _ in range(6):
            await yard.end(yard.running[0])
        assert yard.began == ["a0", "a1", "b0", "c0", "a2", "b1", "a3"]

    one(script)


def test_only_those_who_wait_are_told(one: Any) -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1")
        assert yard.waited == ["a1"]
        assert yard.places.order() == ["a1"]

    one(script)


def test_a_person_s_further_runs_wait_and_block_nobody() -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1", "a2", "a3")
        await yard.ask("bob", "b0")
        assert yard.running == ["a0", "a1", "b0"]
        await yard.end("b0")
        assert yard.running == ["a0", "a1"]
        await yard.end("a0")
        assert yard.running == ["a1", "a2"]

    on_a_loop(lambda: Places(4, per_person=2))(script)


def test_evaluations_leave_half_of_the_places_to_people() -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", *(f"e{n}" for n in range(6)), background=True)
        await yard.ask("bob", *(f"f{n}" for n in range(6)), background=True)
        assert yard.running == ["e0", "e1"]
        await yard.ask("ann", "a0", "a1")
        assert yard.running == ["e0", "e1", "a0", "a1"]
        await yard.end("e0", "e1")
        assert sorted(yard.running) == ["a0", "a1", "e2", "f0"]

    on_a_loop(lambda: Places(4, per_person=2))(script)


def test_an_evaluation_does_not_use_up_its_owner_s_own_limit() -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "e0", "e1", background=True)
        await yard.ask("ann", "a0")
        assert yard.running == ["e0", "e1", "a0"]

    on_a_loop(lambda: Places(4, per_person=1))(script)


def test_a_run_that_is_stopped_while_it_waits_leaves_the_queue(one: Any) -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1", "a2")
        await yard.stop("a1")
        assert yard.places.order() == ["a2"]
        await yard.end("a0")
        assert yard.running == ["a2"]

    one(script)


def test_a_place_is_not_lost_to_a_run_stopped_in_the_moment_it_gets_it(one: Any) -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1", "a2")
        yard._ends["a0"].set()
        await asyncio.sleep(0)  # a0 gives its place to a1, whose task has not run yet
        await yard.stop("a1")
        assert yard.running == ["a2"]
        await yard.ask("bob", "b0")
        await yard.stop("b0", "a2")
        await yard.ask("cy", "c0")
        assert yard.running == ["c0"]

    one(script)


def test_stopping_the_waiting_and_the_running_at_once_loses_no_place(one: Any) -> None:
    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1", "a2", "a3")
        await yard.stop("a1", "a0", "a2")
        assert yard.running == ["a3"]
        assert yard.places.order() == []

    one(script)


def test_a_person_who_may_not_begin_is_asked_about_again_when_a_run_of_theirs_ends() -> None:
    room = {"ann": 1}

    def may_begin(owner: str, running: int) -> bool:
        return running < room.get(owner, 9)

    async def script(yard: Yard) -> None:
        await yard.ask("ann", "a0", "a1", "a2")
        await yard.ask("bob", "b0")
        assert yard.running == ["a0", "b0"]
        room["ann"] = 2
        await yard.end("a0")
        assert yard.running == ["b0", "a1", "a2"]

    on_a_loop(lambda: Places(4, may_begin=may_begin))(script)
