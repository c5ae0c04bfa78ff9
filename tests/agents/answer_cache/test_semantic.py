"""Questions that mean the same: vectors of a provider on loopback, which depend on the words alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.answer_cache.store import Meaning
from agents.answer_cache.vectors import Meanings, SharedEmbedder
from agents.runtime import Runtime
from tests.agents.answer_cache.houses import ANSWER, SMALL, ask, house, repeated
from tests.provider import ProviderServer, Recorded, Reply

pytestmark = pytest.mark.slow

ASKED = "When are the 3 roses in the garden cut?"
SAME_WORDS = "When in the garden are the 3 roses cut?"


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = ANSWER
    with house(tmp_path, provider, answer_cache="semantic", embedding_model=SMALL) as built:
        yield built


def test_the_same_in_other_words_is_answered_from_memory(runtime: Runtime) -> None:
    ask(runtime, ASKED)
    _, _, summary = ask(runtime, SAME_WORDS)
    assert summary.earlier is not None
    assert summary.earlier["kind"] == "semantic"
    assert summary.earlier["similarity"] > 0.97
    _, _, exact = ask(runtime, ASKED)
    assert exact.earlier is not None
    assert exact.earlier["kind"] == "exact"


@pytest.mark.parametrize(
    "other", ["When are the 4 roses in the garden cut?", "What does a plan cost for a team?"]
)
def test_another_number_or_another_meaning_asks_the_model(runtime: Runtime, other: str) -> None:
    ask(runtime, ASKED)
    assert not repeated(runtime, other)


def test_somebody_else_s_is_never_found(runtime: Runtime) -> None:
    ask(runtime, ASKED)
    assert not repeated(runtime, SAME_WORDS, owner="bob")


def test_an_embedding_model_that_fails_or_is_late_is_a_miss_and_is_left_alone_for_a_while(
    runtime: Runtime, provider: ProviderServer
) -> None:
    asked: list[Recorded] = []

    def broken(request: Recorded) -> Reply:
        asked.append(request)
        return Reply(status=500)

    provider.embedding = broken
    assert not repeated(runtime, ASKED)
    tried = len(asked)
    assert not repeated(runtime, SAME_WORDS)
    assert len(asked) == tried > 0
    assert repeated(runtime, ASKED)


class Counting:
    model = "m"

    def __init__(self, delay_s: float = 0.0) -> None:
        self.asked: list[str] = []
        self._delay_s = delay_s

    def problem(self) -> str:
        return ""

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        await asyncio.sleep(self._delay_s)
        return [[3.0, 4.0] for _ in texts]


def test_the_search_in_the_documents_gets_the_vector_that_was_made_for_the_cache() -> None:
    counting = Counting()
    shared = SharedEmbedder(counting)  # type: ignore[arg-type]

    async def both() -> tuple[Meaning | None, list[list[float]]]:
        return await Meanings(shared).of("roses"), await shared.embed(["roses"])

    meaning, vectors = asyncio.run(both())
    assert meaning is not None
    assert meaning.vector.tolist() == pytest.approx([0.6, 0.8])
    assert vectors == [[3.0, 4.0]]
    assert counting.asked == ["roses"]


def test_nobody_waits_longer_than_a_moment_for_a_vector() -> None:
    counting = Counting(delay_s=60.0)
    meanings = Meanings(counting, patience_s=0.01)  # type: ignore[arg-type]

    async def twice() -> list[Meaning | None]:
        return [await meanings.of("one"), await meanings.of("two")]

    assert asyncio.run(twice()) == [None, None]
    assert (counting.asked, meanings.without) == (["one"], 1)


@pytest.mark.parametrize("values", [[0.0, 0.0], [float("nan"), 1.0], []])
def test_a_vector_that_points_nowhere_is_none(values: list[float]) -> None:
    assert Meaning.of("m", values) is None
