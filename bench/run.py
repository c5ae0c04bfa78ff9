"""Every benchmark of this folder, one after the other, each in a process of its own.

    make bench                                  everything, into bench/results.jsonl
    python -m bench.run --only chat,stop --quick

A part prints one JSON object per figure (see bench/figures.py). A part that fails is reported with the
end of its output, the others go on, and the exit code is 1. A missed aim is no failure; it is marked.
`--quick` is a look: fewer repetitions. It and `--only` write to bench/work/, not to the results;
`--only chat --keep` puts the figures of that part in the place of those the results have.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Line, parse, table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.jsonl"
PARTIAL = HERE / "work" / "partial.jsonl"


@dataclass(frozen=True, kw_only=True)
class Part:
    """`python -m bench.<module>`."""

    module: str
    takes_quick: bool = True
    needs: str | None = None
    """An environment variable without which it is left out."""
    minutes: float = 10
    """Longer is a failure."""


PARTS = {
    "chat": Part(module="chat_browser", minutes=40),
    "stop": Part(module="stop", minutes=15),
    "stop_runs": Part(module="stop_runs", minutes=20),
    "cold": Part(module="cold_start"),
    "install": Part(module="install_size", takes_quick=False),
    "core": Part(module="run_core"),
    "recorder": Part(module="recorder"),
    "compare": Part(module="compare_columns"),
    "ranking": Part(module="ranking"),
    "threads": Part(module="threads"),
    "evaluation": Part(module="evaluation", minutes=20),
    "api": Part(module="api_streams"),
    "soak": Part(module="api_soak", minutes=20),
    "providers": Part(module="providers", takes_quick=False),
    "failover": Part(module="failover", takes_quick=False),
    "local_model": Part(module="local_model", takes_quick=False),
    "dashboard": Part(module="dashboard_reads", minutes=150),
    "routing": Part(module="routing", takes_quick=False, needs="SWITCHBOARD_TEST_DATA"),
}


def machine(command: list[str]) -> Line:
    """The first line of the results: without it the others mean nothing."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ("streamlit", "langgraph", "openai")
    return {
        "name": "machine",
        "value": os.cpu_count(),
        "unit": "CPUs",
        "cpu": cpu,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "chromium": _said("chromium", "--version"),
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "changed_files": len(_said("git", "status", "--porcelain").splitlines()),
        "load_before": os.getloadavg()[0],
        "command": " ".join(command),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def why_not(part: Part, name: str, asked_for: bool) -> str | None:
    """The reason a part is left out."""
    if part.needs and not os.environ.get(part.needs):
        return f"{name}: left out, {part.needs} is not set"
    if not asked_for and importlib.util.find_spec(f"bench.{part.module}") is None:
        return f"{name}: left out, bench/{part.module}.py is not there"
    return None


def run_part(name: str, part: Part, quick: bool) -> tuple[list[Line], str | None]:
    """(the figures it printed, what went wrong)."""
    command = [sys.executable, "-m", f"bench.{part.module}"]
    if quick and part.takes_quick:
        command.append("--quick")
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        clock = threading.Timer(part.minutes * 60, _end, (process,))
        clock.start()
        lines = []
        try:
            for text in process.stdout or ():
                line = parse(text)
                if line is not None:
                    if not line["name"].startswith(f"{name}."):
                        line["name"] = f"{name}.{line['name']}"
                    lines.append({**line, "part": name})
                    print(f"    {table([line]).splitlines()[1]}", flush=True)
            code = process.wait()
        finally:
            clock.cancel()
            _end(process)
        if code == 0:
            return lines, None
        errors.seek(0)
        return lines, f"exit code {code}\n{errors.read()[-3000:]}"


def _end(process: subprocess.Popen[str]) -> None:
    """Gives a part that is interrupted or late the time to end the servers it started."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write(path: Path, lines: list[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def keep(path: Path, lines: list[Line]) -> None:
    """Puts a machine and its figures into a file of results, instead of those of the same parts."""
    parts = {line["part"] for line in lines if "part" in line}
    kept: list[Line] = []
    for line in map(json.loads, path.read_text("utf-8").splitlines() if path.exists() else ()):
        if "part" in line and line["part"] in parts:
            continue
        if line["name"] == "machine" and kept and kept[-1]["name"] == "machine":
            kept.pop()  # nothing that it measured is left
        kept.append(line)
    if kept and kept[-1]["name"] == "machine":
        kept.pop()
    write(path, [*kept, *lines])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", help=f"comma list of: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true", help="put the figures into the results")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.keep and (given.quick or given.out):
        parser.error("--keep goes with neither --quick nor --out")
    chosen = given.only.split(",") if given.only else list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}")
    out = given.out or (PARTIAL if given.quick or given.only else RESULTS)
    lines, failed = [machine(["python -m bench.run", *sys.argv[1:]])], []
    for name in chosen:
        reason = why_not(PARTS[name], name, given.only is not None)
        if reason:
            print(reason)
            continue
        began = time.monotonic()
        print(f"{name} …", flush=True)
        figures, error = run_part(name, PARTS[name], given.quick)
        lines += figures
        write(out, lines)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if error:
            failed.append(name)
            lines.append({"name": f"{name}.failed", "value": 1, "unit": "part", "part": name})
            print(f"{name} FAILED: {error}", flush=True)
    write(out, lines)
    if given.keep and not failed:
        keep(RESULTS, lines)
    print(f"\n{table(lines[1:])}\n\n{out}")
    missed = [line["name"] for line in lines if line.get("met") is False]
    print(f"{len(missed)} aims missed: {', '.join(missed) or 'none'}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
