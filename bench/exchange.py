"""Import and export of chats: MB/s and peak memory for a file of 200 MB, and for 10,000 threads.

    python -m bench.exchange [--mb 200] [--folder /tmp/bench-exchange]

Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

WORDS = [
    "tram",
    "river",
    "bread",
    "quiet",
    "engine",
    "paper",
    "winter",
    "garden",
    "\\u00e9tude",
    "東京",
    '\\"quoted\\"',
    "line\\n",
]
STEPS = ("look", "import", "again", "export", "html", "home")


def make_file(path: Path, size: int) -> int:
    """A list as ChatGPT writes it, of conversations of all lengths; gives how many."""
    rng, made = random.Random(7), 0
    with path.open("w", encoding="utf-8") as out:
        out.write("[")
        while out.tell() < size:
            out.write("," if made else "")
            out.write(json.dumps(conversation(rng, made), ensure_ascii=False))
            made += 1
        out.write("]")
    return made


def conversation(rng: random.Random, number: int) -> dict[str, object]:
    at, parent = 1_600_000_000.0 + number * 500, "root"
    nodes: dict[str, object] = {
        "root": {"id": "root", "message": None, "parent": None, "children": ["n0"]}
    }
    turns = min(400, int(rng.paretovariate(1.1)) * 2)
    for place in range(2 * turns):
        text = " ".join(rng.choices(WORDS, k=40 if place % 2 == 0 else 180))
        nodes[f"n{place}"] = {
            "id": f"n{place}", "parent": parent, "children": [f"n{place + 1}"],
            "message": {
                "id": f"n{place}", "author": {"role": "assistant" if place % 2 else "user"},
                "create_time": at + place, "recipient": "all",
                "content": {"content_type": "text", "parts": [text]},
                "metadata": {"model_slug": "gpt-4o"},
            },
        }  # fmt: skip
        parent = f"n{place}"
    return {
        "title": f"Chat {number}", "create_time": at, "update_time": at + 2 * turns,
        "mapping": nodes, "current_node": parent, "conversation_id": str(number),
    }  # fmt: skip


def measure(step: str, folder: Path) -> dict[str, object]:
    """One step, in this process."""
    from agents.exchange.export import export, thread_ids
    from agents.exchange.load import load
    from agents.exchange.preview import preview
    from agents.exchange.reading import Reading
    from agents.migrations import make_or_migrate
    from core.database import Database

    path = folder / ("export.json" if step == "home" else "conversations.json")
    database = Database(f"sqlite:///{folder / 'app.db'}", prepare=make_or_migrate)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    if step == "look":
        found = preview(database, Reading(path, owner="local"), "local")
        count = found.new if found else 0
    elif step in ("export", "html"):
        form = "json" if step == "export" else "html"
        path = folder / f"export.{form}"
        with path.open("wb") as out:
            ids = thread_ids(database, "local")
            count = export(database, "local", ids, form, out, archive=True)  # type: ignore[arg-type]
    else:
        loaded = load(database, Reading(path, owner="local"), "local")
        count = loaded.imported or loaded.known
    took = time.perf_counter() - began
    size = path.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    database.close()
    return {
        "step": step, "conversations": count, "mb": round(size, 1), "seconds": round(took, 2),
        "mb_per_s": round(size / took, 1), "peak_mb": round(peak / 1024),
        "peak_over_start_mb": round((peak - before) / 1024),
        "database_mb": round((folder / "app.db").stat().st_size / 1e6),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench-exchange"))
    parser.add_argument("--step", choices=STEPS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(measure(given.step, given.folder)))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    for old in given.folder.glob("app.db*"):
        old.unlink()
    made = make_file(given.folder / "conversations.json", given.mb * 1_000_000)
    print(json.dumps({"made": made}))
    for step in STEPS:
        command = [sys.executable, "-m", "bench.exchange", "--step", step]
        subprocess.run([*command, "--folder", str(given.folder)], check=True)


if __name__ == "__main__":
    main()
