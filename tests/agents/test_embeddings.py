"""Vectors over real HTTP: stored, used, and never the reason why a search fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.embeddings import BATCH, Embeddings, EmbeddingStatus
from agents.loop import LoopThread
from agents.models import ModelRegistry
from agents.providers.clients import ProviderClients
from agents.providers.embeddings import _vectors as read_vectors
from agents.retrieval import Found, Knowledge
from agents.runtime import Runtime
from core.catalog import load_catalog
from core.errors import ModelAuthFailed, ModelFailure, ProtocolError
from core.settings import OpenAIServer, Settings
from tests.provider import ProviderServer, Reply
from tests.provider.langchain import OPENAI_KEY, tls
from tests.provider.server import refused_url
from tests.provider.wire import Recorded

SMALL = "openai:text-embedding-3-small"
TITAN = "bedrock:amazon.titan-embed-text-v2:0"
ROSES = "# Roses\n\nCut roses in March, before the buds open.\n"
TULIPS = "# Tulips\n\nPlant tulips in October, a hand deep.\n"


@dataclass
class Garden:
    """A knowledge folder with an embedding model."""

    knowledge: Knowledge
    loop: LoopThread

    def write(self, name: str, text: str) -> None:
        path = self.knowledge.folder / "garden" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def sync(self) -> EmbeddingStatus:
        self.knowledge.sync()
        return self.settled()

    def settled(self) -> EmbeddingStatus:
        """When nothing is under way any more."""
        embeddings = self.embeddings
        self.loop.run(asyncio.sleep(0), 5)  # the work has begun
        return wait_for(lambda: None if self._busy(embeddings) else embeddings.status)

    def search(self, question: str) -> Found:
        return self.loop.run(self.knowledge.search(question), 10)

    @property
    def embeddings(self) -> Embeddings:
        assert self.knowledge._embeddings is not None
        return self.knowledge._embeddings

    @staticmethod
    def _busy(embeddings: Embeddings) -> bool:
        return embeddings._task is not None and not embeddings._task.done()


def wait_for(value: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if (found := value()) is not None:
            return found
        time.sleep(0.005)
    raise TimeoutError("it did not happen")


@contextmanager
def garden(
    folder: Path, model: str, *, pauses_s: tuple[float, ...] = (0.01,), **settings: Any
) -> Iterator[Garden]:
    loop = LoopThread()
    registry = ModelRegistry(Settings(**settings), load_catalog(), loop=loop.loop)
    registry._clients = ProviderClients(verify=tls())
    knowledge = Knowledge(folder / "knowledge.db", folder / "docs")
    knowledge.embed_with(registry.embedder(model), loop)
    made = Garden(knowledge=knowledge, loop=loop)
    made.embeddings._pauses_s = pauses_s
    try:
        yield made
    finally:
        loop.run(knowledge.stop(), 5)
        loop.run(registry.aclose(), 5)
        loop.close()
        knowledge.close()


def openai(provider: ProviderServer) -> dict[str, Any]:
    return {"openai_api_key": SecretStr(OPENAI_KEY), "openai_base_url": provider.openai_url}


def texts(requests: list[Recorded]) -> list[str]:
    return [text for request in requests for text in request.body["input"]]


# -- passages


def test_every_passage_gets_a_vector_in_batches(provider: ProviderServer, tmp_path: Path) -> None:
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        for n in range(BATCH + 3):
            g.write(f"{n}.md", f"# Bed {n}\n\nBed {n} holds roses.\n")
        assert g.sync() == EmbeddingStatus(model=SMALL, done=BATCH + 3, total=BATCH + 3)
    assert [len(request.body["input"]) for request in provider.requests] == [BATCH, 3]
    assert {(request.model, request.key) for request in provider.requests} == {
        ("text-embedding-3-small", OPENAI_KEY)
    }
    assert "Bed 0\n\nBed 0 holds roses." in texts(provider.requests)


def test_only_what_changed_is_embedded_again(provider: ProviderServer, tmp_path: Path) -> None:
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        g.write("tulips.md", TULIPS)
        g.sync()
        g.sync()
        assert len(provider.requests) == 1
        g.write("tulips.md", TULIPS.replace("October", "November"))
        assert (g.sync().done, g.settled().total) == (2, 2)
        assert texts(provider.requests[1:]) == ["Tulips\n\nPlant tulips in November, a hand deep."]


def test_work_goes_on_when_the_server_is_back(provider: ProviderServer, tmp_path: Path) -> None:
    provider.embedding = lambda _: Reply(status=503 if len(provider.requests) < 3 else 200)
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        assert g.sync() == EmbeddingStatus(model=SMALL, done=1, total=1)
    assert len(provider.requests) == 3


def test_a_refused_key_stops_the_work_and_is_not_shown(
    provider: ProviderServer, tmp_path: Path
) -> None:
    provider.embedding = lambda _: Reply(status=401)
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        status = g.sync()
    assert (status.done, status.total, status.running) == (0, 1, False)
    assert status.last_error.startswith("The provider refused the credentials (401)")
    assert OPENAI_KEY not in status.last_error
    assert len(provider.requests) == 1


def test_one_passage_the_model_refuses_keeps_no_other_from_its_vector(
    provider: ProviderServer, tmp_path: Path
) -> None:
    provider.embedding = lambda request: Reply(
        status=400 if "Cactus" in str(request.body["input"]) else 200
    )
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("cactus.md", "# Cactus\n\nToo long for this model.\n")
        g.write("roses.md", ROSES)
        g.write("tulips.md", TULIPS)
        assert g.sync() == EmbeddingStatus(model=SMALL, done=2, total=3, refused=1)


def test_a_model_that_does_not_exist_is_one_error_and_not_one_per_passage(
    provider: ProviderServer, tmp_path: Path
) -> None:
    provider.embedding = lambda _: Reply(status=404)
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        for n in range(20):
            g.write(f"{n}.md", f"# Bed {n}\n\nBed {n} holds roses.\n")
        assert "(404)" in g.sync().last_error
    assert len(provider.requests) == 2


def test_reindexing_ends_a_pause(provider: ProviderServer, tmp_path: Path) -> None:
    provider.embedding = lambda _: Reply(status=503 if len(provider.requests) == 1 else 200)
    with garden(tmp_path, SMALL, pauses_s=(60.0,), **openai(provider)) as g:
        g.write("roses.md", ROSES)
        g.knowledge.sync()
        wait_for(lambda: g.embeddings.status.last_error or None)
        assert g.embeddings.status.running
        assert g.sync() == EmbeddingStatus(model=SMALL, done=1, total=1)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SMALL, "set OPENAI_API_KEY"),
        (TITAN, "set AWS_REGION"),
        ("local:extractive", "makes no vectors"),
        ("nobody:model", "there is no provider 'nobody'"),
    ],
)
def test_a_model_that_is_not_configured_says_so(tmp_path: Path, model: str, reason: str) -> None:
    with garden(tmp_path, model) as g:
        g.write("roses.md", ROSES)
        status = g.sync()
        assert (status.done, reason in status.last_error) == (0, True)
        assert g.search("When do I cut roses?").hits
        assert g.embeddings.status.questions_without == 0


def test_a_further_server_and_titan_embed_too(
    provider: ProviderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = OpenAIServer(base_url=provider.openai_url)
    with garden(tmp_path, "ollama:nomic-embed-text", openai_servers={"ollama": server}) as g:
        g.write("roses.md", ROSES)
        assert g.sync().done == 1
    assert (provider.requests[0].model, provider.requests[0].key) == ("nomic-embed-text", "none")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with garden(tmp_path, TITAN, bedrock_endpoint_url=provider.bedrock_url) as g:
        status = g.sync()
        assert (status.done, status.last_error) == (1, "")
        assert g.search("roses").hits[0].ranks["vectors"] == 1
    assert [request.body["inputText"] for request in provider.requests[1:]] == [
        "Roses\n\nCut roses in March, before the buds open.",
        "roses",
    ]


# -- questions


def test_a_search_uses_the_vector_of_its_question_and_asks_once(
    provider: ProviderServer, tmp_path: Path
) -> None:
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        g.write("tulips.md", TULIPS)
        g.sync()
        for _ in range(2):
            hits = g.search("Cut roses in March").hits
            assert (hits[0].passage.title, hits[0].ranks["vectors"]) == ("Roses", 1)
    assert texts(provider.requests[1:]) == ["Cut roses in March"]


def test_a_dead_embedding_server_fails_no_search(provider: ProviderServer, tmp_path: Path) -> None:
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        g.sync()
    dead = {**openai(provider), "openai_base_url": f"{refused_url()}/v1"}
    with garden(tmp_path, SMALL, **dead) as g:
        g.sync()
        for _ in range(2):
            [hit] = g.search("When do I cut roses?").hits
            assert "vectors" not in hit.ranks
        status = g.embeddings.status
        assert (status.questions_without, status.done) == (2, 1)
        assert "could not be reached" in status.last_error


def test_a_slow_embedding_server_holds_no_search_up(
    provider: ProviderServer, tmp_path: Path
) -> None:
    with garden(tmp_path, SMALL, **openai(provider)) as g:
        g.write("roses.md", ROSES)
        g.sync()
        provider.embedding = lambda _: Reply(first_ms=30_000)
        g.embeddings._question_s = 0.05
        started = time.monotonic()
        assert g.search("When do I cut roses?").hits
        assert g.search("Which month is it for roses?").hits  # the second does not even ask
        assert time.monotonic() - started < 1
        assert g.embeddings.status.questions_without == 2
        assert g.embeddings.status.last_error == "The embedding model did not answer in time."
    assert len(provider.requests) == 2


# -- the protocol


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(status=401), ModelAuthFailed),
        (Reply(status=500, error_body="<html>"), ModelFailure),
    ],
)
def test_failures_have_the_names_of_chat_models(
    provider: ProviderServer, tmp_path: Path, reply: Reply, failure: type[ModelFailure]
) -> None:
    provider.embedding = lambda _: reply
    with garden(tmp_path, SMALL, **openai(provider)) as g, pytest.raises(failure):
        g.loop.run(g.embeddings._embedder.embed(["roses"]), 5)


def test_an_answer_with_too_few_vectors_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="0 vectors for 1 texts"):
        read_vectors(b'{"data": []}', 1)


# -- wired


@pytest.mark.slow
def test_the_runtime_embeds_after_its_first_index_and_after_each_further_one(
    provider: ProviderServer, tmp_path: Path
) -> None:
    docs = tmp_path / "docs" / "garden"
    docs.mkdir(parents=True)
    (docs / "roses.md").write_text(ROSES, "utf-8")
    runtime = Runtime(
        Settings(
            data_dir=tmp_path / "data",
            knowledge_dir=docs.parent,
            embedding_model=SMALL,
            answer_models=("local:extractive",),
            router_models=("local:extractive",),
            **openai(provider),
        )
    )

    def all_done(total: int) -> bool | None:
        complete = EmbeddingStatus(model=SMALL, done=total, total=total)
        return runtime.knowledge.embedding_status == complete or None

    try:
        runtime.warm_up.start()
        wait_for(lambda: all_done(1))
        (docs / "tulips.md").write_text(TULIPS, "utf-8")
        seen: list[tuple[int, int]] = []
        runtime.knowledge.sync(lambda done, total: seen.append((done, total)))
        wait_for(lambda: all_done(2))
        assert seen == [(1, 2), (2, 2)]
    finally:
        runtime.close(2.0)
