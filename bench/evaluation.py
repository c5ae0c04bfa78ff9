"""200 questions to 4 configurations, killed with -9 half-way and gone on with: is anything lost or doubled?

    python -m bench.evaluation [--quick]

The command is what people run, `python -m api.evaluate`, with eight answers at once. The provider is
that of the tests, in a process of its own: it notes every question with its times. An answer takes it
a second: forty tokens, one every 25 ms. What is on disk at the kill must not be asked again; what is
under way is, also the few answers that the provider had ended a moment before and that were not saved.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.figures import figure, say
from tests.provider import ProviderServer, Reply

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("openai:gpt-4o-mini", "openai:gpt-4o", "openai:gpt-4.1-mini", "openai:gpt-4.1")
AT_ONCE = 8
TOKENS, TOKEN_MS = 40, 25
PATIENCE_S = 600


@dataclass(frozen=True, kw_only=True)
class Request:
    """Times are CLOCK_MONOTONIC seconds."""

    what: tuple[str, str]
    """Model and question."""
    received: float
    ended: float | None
    """None: it was broken off."""


def serve(pipe: Connection) -> None:
    """The provider's process: says its port, then on each message what it was asked so far."""
    with ProviderServer() as server:
        server.default = Reply(chunks=("settings ",) * TOKENS, per_token_ms=TOKEN_MS)
        pipe.send(server.openai_url)
        while pipe.recv() != "stop":
            pipe.send(
                [
                    Request(
                        what=(r.body["model"], str(r.body["messages"][-1]["content"])),
                        received=r.received,
                        ended=None if r.closed_by_client_at else r.ended,
                    )
                    for r in list(server.requests)
                ]
            )


class Provider:
    """The other end of the pipe."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        self.url: str = self._pipe.recv()

    def requests(self) -> list[Request]:
        self._pipe.send("requests")
        found: list[Request] = self._pipe.recv()
        return found

    def close(self) -> None:
        self._pipe.send("stop")
        self._process.join(5)


def command(folder: Path, url: str, report: Path) -> subprocess.Popen[bytes]:
    models = [
        json.dumps({"model": model, "agent": "technical", "retrieval": "none"}) for model in MODELS
    ]
    configured = [part for model in models for part in ("--config", model)]
    return subprocess.Popen(
        [sys.executable, "-m", "api.evaluate", str(folder / "set.jsonl"), *configured,
         "--concurrency", str(AT_ONCE), "--report", str(report)],
        cwd=ROOT,
        env={
            **os.environ,
            "SWITCHBOARD_DATA_DIR": str(folder / "data"),
            "SWITCHBOARD_ROUTER_MODELS": "local:extractive",
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": url,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def killed_and_gone_on(folder: Path, questions: int) -> None:
    provider = Provider()
    report = folder / "report.json"
    wanted = questions * len(MODELS)
    try:
        first = command(folder, provider.url, report)
        deadline = time.monotonic() + PATIENCE_S
        while len(provider.requests()) < wanted // 2:
            if first.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the command did not come half-way")
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.wait()
        time.sleep(0.1)  # the provider notices that its clients are gone
        before = provider.requests()
        saved = on_disk(folder / "data" / "app.db", folder / "set.jsonl")
        again_at = time.monotonic()
        code = command(folder, provider.url, report).wait(PATIENCE_S)
        everything = provider.requests()
    finally:
        provider.close()
    if code != 0:
        raise RuntimeError(f"the command that went on ended with {code}")
    tell(before, everything, saved, json.loads(report.read_text()), wanted, again_at)


def on_disk(database: Path, questions: Path) -> set[tuple[str, str]]:
    """Model and question of the answers that were saved."""
    asked = [json.loads(line)["question"] for line in questions.read_text().splitlines()]
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "select configuration, case_number from evaluation_cell as c "
            "left join run on run.id = c.run_id "
            "where c.status = 'done' or run.status = 'completed'"
        ).fetchall()
    return {(MODELS[k].removeprefix("openai:"), asked[n]) for k, n in rows}


def tell(
    before: list[Request],
    everything: list[Request],
    saved: set[tuple[str, str]],
    report: dict[str, Any],
    wanted: int,
    again_at: float,
) -> None:
    after = everything[len(before) :]
    times = Counter(request.what for request in everything)
    ended = {request.what for request in before if request.ended is not None}
    doubled = [request.what for request in after if request.what in saved]
    unsaved = [request.what for request in after if request.what in ended - saved]
    names = [column["name"] for column in report["ledger"]["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in report["ledger"]["rows"]]
    kept = len({(row["case"], row["key"]) for row in rows if row["completed"]})
    # The end of a run has fewer than eight under way: measured up to the last that was begun.
    last = max(request.received for request in after)
    whole = [request for request in after if request.ended is not None and request.ended <= last]
    span_s = last - min(request.received for request in after)
    theirs_s = sum(r.ended - r.received for r in whole if r.ended is not None) / len(whole)
    of = f"{wanted} answers, {AT_ONCE} at once, killed at request {len(before)}"
    say(
        [
            figure("answers kept at the end", kept, "answers", note=of),
            figure("answers lost", wanted - kept, "answers", at_most=0),
            figure("saved answers asked for again", len(doubled), "calls", at_most=0),
            figure("answers the provider had ended, not saved yet, asked for again", len(unsaved),
                   "calls", note=f"of {AT_ONCE} under way"),
            figure("calls more than twice", sum(n > 2 for n in times.values()), "calls", at_most=0),
            figure("calls under way at the kill, made again", len(everything) - wanted, "calls",
                   at_most=AT_ONCE),
            figure("command until its first call", (after[0].received - again_at) * 1000, "ms"),
            figure("answers per second", len(whole) / span_s, "1/s", more_is_better=True,
                   baseline=AT_ONCE / theirs_s, note="baseline: the provider's time alone"),
            figure("added to the provider's time", (AT_ONCE * span_s / len(whole) - theirs_s) * 1000,
                   "ms/answer", note=f"beside {theirs_s * 1000:.0f} ms of the provider"),
        ]
    )  # fmt: skip


def question_set(path: Path, questions: int) -> None:
    check = {"type": "contains", "value": "settings"}
    path.write_text(
        "".join(
            json.dumps({"id": f"q{n}", "question": f"What is port {n} for?", "checks": [check]})
            + "\n"
            for n in range(questions)
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="20 questions")
    questions = 20 if parser.parse_args().quick else 200
    with tempfile.TemporaryDirectory(prefix="bench-evaluation-") as name:
        folder = Path(name)
        question_set(folder / "set.jsonl", questions)
        killed_and_gone_on(folder, questions)


if __name__ == "__main__":
    main()
