"""The embedded answerer on odd input, and on the questions the shipped handbook asks itself."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from agents.knowledge.passages import read_document, split_document
from agents.local.extract import answer
from agents.local.model import _PIECE
from core.events import Source
from tests.agents.local_handbook import HANDBOOK

DOCS = Path(__file__).resolve().parents[2] / "docs"
ODD = [
    "", "**", "|", "```", "- ", "1.", "#", "> ", "x" * 20_000, "a." * 5_000, "| a |\n|-|\n", "1. a\n" * 200,
    "`" * 50, "[" * 3_000, "* " * 2_000, "<!--" * 500, "\x00\ufffd", "![a](b)", "日本語。" * 300,
]  # fmt: skip
STARTS = [
    "What is",
    "How do I",
    "Which",
    "Why",
    "Can I",
    "Where",
    "How much",
    "difference between",
    "",
]


@pytest.mark.parametrize("seed", range(6))
def test_any_fragment_of_a_document_and_any_question_give_an_answer(seed: int) -> None:
    """Lists whose best item scored below zero once gave an empty choice, and an IndexError."""
    rng = random.Random(seed)
    words = " ".join(source.text for source in HANDBOOK).split()
    for _ in range(40):
        sources = []
        for source in rng.sample(HANDBOOK, 4):
            cut = rng.randrange(len(source.text))
            text = source.text[cut : cut + rng.randrange(1, 900)]
            sources.append(replace(source, text=rng.choice([text, source.text, rng.choice(ODD)])))
        question = f"{rng.choice(STARTS)} {' '.join(rng.sample(words, rng.randrange(1, 6)))}?"
        text = answer(question, sources)
        assert text.strip()
        assert "".join(_PIECE.findall(text)) == text
        cited = {int(n) for n in re.findall(r"\[(\d+)\](?=[.:\s]|$)", text)}
        assert cited <= {source.n for source in sources}


def _passages(path: Path) -> list[Source]:
    document = read_document(path.name, path.parent.name, path.read_bytes())
    return [
        Source(
            n=n,
            passage_id=p.passage_id,
            document=p.path,
            title=p.title,
            heading=p.heading,
            area=p.area,
            text=p.text,
        )
        for n, p in enumerate(split_document(document), start=1)
    ]


def test_the_handbooks_own_questions_are_answered_from_their_own_sections() -> None:
    asked = missed = 0
    for path in sorted(DOCS.glob("*/*.md"))[::3]:
        sources = _passages(path)
        for heading, first in re.findall(
            r"(?m)^#{1,4} (.+\?)[ \t]*\n+(\w[^\n]{0,18})", path.read_text()
        ):
            asked += 1
            missed += first not in answer(heading, sources)
    assert asked, "the handbook has no headings that are questions"
    assert missed <= 0.05 * asked
