"""The run core alone: events per second through RunManager, microseconds per event, time to start.

    python -m bench.run_core [--quick]

A turn yields token events and lets the loop breathe after every tenth, as a provider's reads would.
What they pass: numbering, the log, the observers (the real recorder), one synchronous follower in a
thread of its own (a page), and the writer at the end. `paced`: 1,000 tokens/s, so that the follower
is woken for every one of them. The baseline is a bare asyncio.Queue with one consumer on the loop: the
same drafts, no log, nobody else.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from agents.loop import LoopThread
from agents.run import Run, TurnRequest
from agents.run_store import RunStore
from agents.runs import RunManager
from agents.tables import metadata
from analytics.facts import RunMeta
from analytics.recorder import Recorder
from bench.figures import Line, figure, p95, say
from core.database import Database
from core.events import Event, Interrupt, Token

BREATH = 10
"""Events between two turns of the loop."""
CONCURRENT = 8
PACED_PER_S = 1000
Timing = tuple[float, float]


class TokensTurn:
    """`count` tokens, as fast as they are taken or `rate` per second. As agents.runs.Turn."""

    def __init__(self, count: int, rate: int = 0) -> None:
        self._count = count
        self._rate = rate
        self.interrupts: list[Interrupt] = []
        self.finish_reason = "stop"
        self.notice = self.node = self.agent = None
        self.checkpointed = True

    async def events(self) -> AsyncGenerator[Event, None]:
        started = time.perf_counter()
        for number in range(self._count):
            yield Token(text="word ", message_id="m", agent="general")
            if self._rate:
                await asyncio.sleep(started + (number + 1) / self._rate - time.perf_counter())
            elif number % BREATH == 0:
                await asyncio.sleep(0)

    def close_open(self, status: str) -> Iterable[Event]:
        return ()


class Core:
    """A run manager over a real database, with the real recorder if asked for."""

    def __init__(self, folder: Path, turn: TokensTurn, *, recorded: bool) -> None:
        self._database = Database(f"sqlite:///{folder / 'app.db'}", metadata=metadata)
        self._recorder = Recorder(folder / "analytics.db")
        self._recorder.flush()
        self._metas: dict[str, RunMeta] = {}
        self._loop = LoopThread()
        self.runs = RunManager(
            self._loop,
            RunStore(self._database),
            lambda run: turn,
            observers=[self._record] if recorded else [],
        )

    def close(self) -> None:
        self.runs.close(5.0)
        self._recorder.close()
        self._loop.close()
        self._database.close()

    def _record(self, run: Run, event: Event) -> None:
        meta = self._metas.get(run.id)
        if meta is None:
            meta = self._metas[run.id] = RunMeta(
                run_id=run.id,
                thread_id=run.thread_id,
                user_id="local",
                entry_point="chat",
                app_version="0",
                graph="bench",
                started_at_us=run.started_at_us,
                stream=True,
            )
        self._recorder.observe(meta, event)

    def start(self) -> Run:
        return self.runs.start(TurnRequest(text="How fast?"))


def through_core(core: Core, parallel: int) -> Timing:
    """(seconds from the first token to the last, CPU seconds of everything), all runs followed."""
    cpu = time.process_time()
    runs = [core.start() for _ in range(parallel)]
    followers = [threading.Thread(target=lambda run=run: list(run.follow())) for run in runs]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    cpu = time.process_time() - cpu
    tokens = [event.at_us for run in runs for event in run.events if event.type == "token"]
    return (max(tokens) - min(tokens)) / 1e6, cpu


def through_queue(turn: TokensTurn) -> Timing:
    """The same drafts through a bare asyncio.Queue."""

    async def go() -> Timing:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        async def consume() -> None:
            while await queue.get() is not None:
                pass

        consumer = asyncio.create_task(consume())
        started, cpu = time.perf_counter(), time.process_time()
        async for draft in turn.events():
            queue.put_nowait(draft)
        queue.put_nowait(None)
        await consumer
        return time.perf_counter() - started, time.process_time() - cpu

    return asyncio.run(go())


def starts_ms(core: Core, count: int) -> list[float]:
    """How long start() keeps its caller, the question being saved in that time."""
    times = []
    for _ in range(count):
        before = time.perf_counter()
        run = core.start()
        times.append((time.perf_counter() - before) * 1000)
        list(run.follow())
    return times


def with_core(turn: TokensTurn, *, recorded: bool, work: Callable[[Core], Any]) -> Any:
    with tempfile.TemporaryDirectory(prefix="bench-core-", ignore_cleanup_errors=True) as name:
        core = Core(Path(name), turn, recorded=recorded)
        try:
            list(core.start().follow())  # imports, tables, prepared statements
            return work(core)
        finally:
            core.close()


def measure(count: int, reps: int) -> Iterator[Line]:
    yield from bursts(count, reps)
    yield from paced(count // 10, reps)
    times = with_core(TokensTurn(1), recorded=True, work=lambda core: starts_ms(core, 40 * reps))
    yield figure("core.start", times, "ms")
    yield figure("core.start_p95", p95(times), "ms")


def bursts(count: int, reps: int) -> Iterator[Line]:
    turn = TokensTurn(count)
    bare = [through_queue(turn) for _ in range(reps)]
    for name, recorded, parallel in (
        ("one_run", False, 1),
        ("one_run_recorded", True, 1),
        (f"{CONCURRENT}_runs_recorded", True, CONCURRENT),
    ):
        rows = with_core(
            turn,
            recorded=recorded,
            work=lambda core, n=parallel: [through_core(core, n) for _ in range(reps)],
        )
        total = count * parallel
        yield figure(
            f"core.{name}.events_per_s",
            [total / took for took, _ in rows],
            "events/s",
            baseline=[count / took for took, _ in bare],
            more_is_better=True,
        )
        yield per_event(name, rows, total, bare, count)


def paced(count: int, reps: int) -> Iterator[Line]:
    turn = TokensTurn(count, PACED_PER_S)
    bare = [through_queue(turn) for _ in range(reps)]
    rows = with_core(
        turn, recorded=True, work=lambda core: [through_core(core, 1) for _ in range(reps)]
    )
    yield per_event("paced_run_recorded", rows, count, bare, count)


def per_event(name: str, rows: list[Timing], total: int, bare: list[Timing], count: int) -> Line:
    """CPU of the whole process, saving the answer and its log included."""
    return figure(
        f"core.{name}.cpu_per_event",
        [cpu / total * 1e6 for _, cpu in rows],
        "us",
        baseline=[cpu / count * 1e6 for _, cpu in bare],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter: a look, no result")
    given = parser.parse_args()
    say(measure(4000, 2) if given.quick else measure(20_000, 7))


if __name__ == "__main__":
    main()
