"""Speed of the embedded answerer: time to first chunk and CPU, for 8 passages and for a long prompt.

Run: .venv/bin/python bench/local_model.py [folder of Markdown]   (JSON lines: name, value, unit)
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from agents.knowledge.passages import read_document, split_document
from agents.local.model import LocalExtractive
from agents.passage_format import render
from core.events import Source

QUESTIONS = (
    "What is this about?",
    "How do I add a payment method?",
    "Why was the request refused?",
)
LONG_CHARS = 220_000


def passages(folder: Path) -> list[Source]:
    """Real passages of every Markdown file below the folder, numbered."""
    found: list[Source] = []
    for path in sorted(folder.rglob("*.md")):
        document = read_document(path.name, path.parent.name, path.read_bytes())
        found.extend(
            Source(
                n=len(found) + 1 + i,
                passage_id=p.passage_id,
                document=p.path,
                title=p.title,
                heading=p.heading,
                area=p.area,
                text=p.text,
            )
            for i, p in enumerate(split_document(document))
        )
    return found


async def measure(prompt: list[BaseMessage]) -> dict[str, float]:
    """One answer: milliseconds to the first chunk, CPU milliseconds, longest pause of the loop."""
    model = LocalExtractive(words_per_s=0)
    gaps: list[float] = []
    done = asyncio.Event()

    async def tick() -> None:
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append((time.perf_counter() - before) * 1000)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.005)
    started, cpu, first, chunks = time.perf_counter(), time.process_time(), 0.0, 0
    async for _ in model.astream(prompt):
        first = first or (time.perf_counter() - started) * 1000
        chunks += 1
    cpu_ms = (time.process_time() - cpu) * 1000
    done.set()
    await ticking
    return {
        "first_chunk_ms": first,
        "cpu_ms": cpu_ms,
        "longest_loop_gap_ms": max(gaps),
        "chunks": chunks,
    }


def report(name: str, runs: list[dict[str, float]]) -> None:
    for key, unit in (
        ("first_chunk_ms", "ms"),
        ("cpu_ms", "ms"),
        ("longest_loop_gap_ms", "ms"),
        ("chunks", "chunks"),
    ):
        value = round(statistics.median(run[key] for run in runs), 2)
        print(json.dumps({"name": f"local_model.{name}.{key}", "value": value, "unit": unit}))


async def main(folder: Path) -> None:
    every = passages(folder)
    few = every[:8]
    many: list[Source] = []
    size = 0
    for source in every:
        if size >= LONG_CHARS:
            break
        many.append(source)
        size += len(source.text)
    for name, chosen in (("8_passages", few), ("long_prompt", many)):
        text = render(chosen)
        await measure([SystemMessage(text), HumanMessage(QUESTIONS[0])])  # imports and caches
        runs = [
            await measure([SystemMessage(text), HumanMessage(question)])
            for question in QUESTIONS * 3
        ]
        print(
            json.dumps({"name": f"local_model.{name}.prompt", "value": len(text), "unit": "chars"})
        )
        report(name, runs)


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent / "docs"
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else here))
