"""A soak in short form: readers that stay, leave, stop and come back, for minutes, and what it leaves.

    python -m bench.api_soak [--quick] [--minutes 60]

Ten clients ask without a pause. Of ten answers six are read to the end, two are left in the middle and
taken up again with Last-Event-ID, one is left for good and one is stopped. Open files, threads and memory
of the server are read every second; the second half of the time must not lie above the first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from bench.api_client import Heard, ask, go_on
from bench.api_streams import AGENT, QUESTION, SETTINGS
from bench.apps import Provider, Switchboard, running, work_folder
from bench.figures import Line, figure, say

CLIENTS = 10
TOKENS, RATE, WAIT_MS = 60, 60, 100
FATES = ("read",) * 6 + ("taken_up",) * 2 + ("left", "stopped")
SETTLE_S = 15.0
"""Before levels count: imports, caches and pools grow first."""


@dataclass(kw_only=True)
class Level:
    """What /proc says of the server, once a second."""

    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    def read(self, pid: int) -> None:
        root = Path(f"/proc/{pid}")
        status = dict(
            line.split(":", 1) for line in (root / "status").read_text().splitlines() if ":" in line
        )
        self.files.append(len(list((root / "fd").iterdir())))
        self.threads.append(int(status["Threads"]))
        self.memory_mb.append(int(status["VmRSS"].split()[0]) / 1024)


def measure(minutes: float) -> Iterator[Line]:
    with work_folder() as folder, running(provider := Provider(folder)):
        app = Switchboard(folder / "app", **SETTINGS, **provider.environment)
        with running(app):
            app.wait_for_port()
            provider.arm("soak", TOKENS, RATE, WAIT_MS)
            level, fates, broken = asyncio.run(soak(app, minutes * 60))
    yield figure(
        "soak.answers", fates.total(), "answers", note=f"{minutes:g} minutes; {dict(fates)}"
    )
    yield figure("soak.broken", broken, "answers", at_most=0)
    yield from levels("soak.open_files", level.files, "files", 1.05)
    yield from levels("soak.threads", level.threads, "threads", 1.05)
    yield from levels("soak.memory", level.memory_mb, "MB", 1.10)


def levels(name: str, values: list[float] | list[int], unit: str, most: float) -> Iterator[Line]:
    """The median of the last third beside that of the second."""
    third = len(values) // 3
    then, now = statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :])
    yield figure(name, now, unit, baseline=then, ratio_at_least=1 / most)
    yield figure(f"{name}_max", max(values), unit)


async def soak(app: Switchboard, seconds: float) -> tuple[Level, Counter[str], int]:
    level, fates, broken = Level(), Counter[str](), 0
    until = time.monotonic() + seconds

    async def client(number: int) -> None:
        nonlocal broken
        dice = random.Random(number)
        async with httpx2.AsyncClient(base_url=app.url, timeout=60) as http:
            while time.monotonic() < until:
                fate = dice.choice(FATES)
                fates[fate] += 1
                broken += not await live(http, fate, dice.randrange(5, TOKENS))

    async with httpx2.AsyncClient(base_url=app.url, timeout=60) as http:
        for _ in range(3):
            await live(http, "read", 0)
    clients = [asyncio.create_task(client(n)) for n in range(CLIENTS)]
    await asyncio.sleep(min(SETTLE_S, seconds / 4))
    while time.monotonic() < until:
        level.read(app.pid)
        await asyncio.sleep(1)
    await asyncio.gather(*clients)
    return level, fates, broken


async def live(http: httpx2.AsyncClient, fate: str, leave_after: int) -> bool:
    """One answer; False when it was not as it should be."""
    heard = Heard(sent_at_us=0)
    stream = ask(http, QUESTION, heard, agent=AGENT)
    async with contextlib.aclosing(stream):
        async for _ in stream:
            if fate != "read" and len(heard.lags_us) >= leave_after:
                break
    if fate == "read":
        return heard.whole and heard.kinds[-1] == "completed"
    if fate == "stopped":
        answer = await http.post(f"/api/runs/{heard.run_id}/cancel")
        if answer.status_code >= 300:
            return False
    if fate != "left" and not heard.ended:
        async for _ in go_on(http, heard):
            pass
        return heard.whole
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float)
    given = parser.parse_args()
    say(measure(given.minutes or (1 if given.quick else 10)))


if __name__ == "__main__":
    main()
