"""A run with another retrieval than the agent's own: what the provider is sent, what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from agents import prompts
from agents.graphs import GraphEntry
from agents.runtime import Runtime
from core.comparison import Retrieval
from core.errors import InvalidInput
from core.events import RetrievalMode
from tests.agents.answering_house import answering, ask, only, sent
from tests.provider import ProviderServer, Reply, ToolCall
from tests.provider.fixtures import module_server as module_server

LOCAL = "local:extractive"
WHOLE = "Documents, each of them whole"
FOUND = "Passages found for the next message"
SEARCH = Reply(tool_calls=(ToolCall(name="search_docs", args={"query": "Postgres storage"}),))


@pytest.fixture(scope="module")
def runtime(
    tmp_path_factory: pytest.TempPathFactory, module_server: ProviderServer
) -> Iterator[Runtime]:
    with answering(tmp_path_factory.mktemp("house"), module_server) as built:
        yield built


@pytest.fixture
def server(module_server: ProviderServer) -> ProviderServer:
    return module_server.reset()


def tools(server: ProviderServer, number: int = -1) -> set[str]:
    return {tool["function"]["name"] for tool in server.requests[number].body.get("tools", ())}


def test_each_retrieval_is_a_mode_that_can_be_shown() -> None:
    assert set(get_args(Retrieval)) <= set(get_args(RetrievalMode))


@pytest.mark.slow
def test_rag_gives_the_policy_agent_passages_instead_of_documents(
    runtime: Runtime, server: ProviderServer
) -> None:
    _, events = ask(runtime, "May we store personal data?", agent="policy", retrieval="rag")
    (_, system), *_, (_, passages), _ = sent(server)
    assert (WHOLE in system, "<passage" in system) == (False, False)
    assert passages.startswith(FOUND)
    assert "No personal data is sent anywhere" in passages
    assert [e.mode for e in only(events, "sources")] == ["rag"]


def test_cag_gives_the_technical_agent_whole_documents(
    runtime: Runtime, server: ProviderServer
) -> None:
    _, events = ask(runtime, "How do I install it?", agent="technical", retrieval="cag")
    messages = sent(server)
    assert "port 8501" in messages[0][1].partition(WHOLE)[2]
    assert "SWITCHBOARD_DATABASE_URL" in messages[0][1], "which the question is not about"
    assert messages[1:] == [("user", "How do I install it?")]
    found = only(events, "sources")
    assert [(e.mode, len(e.sources)) for e in found] == [("cag", 2)]


def test_hybrid_gives_the_general_agent_documents_and_passages(
    runtime: Runtime, server: ProviderServer
) -> None:
    question = "What is Switchboard and how is Postgres set as its storage?"
    _, events = ask(runtime, question, agent="general", retrieval="hybrid")
    (_, system), (_, passages), _ = sent(server)
    assert "a chat with agents and a dashboard" in system
    assert "to use Postgres as storage" in passages
    (found,) = only(events, "sources")
    assert found.mode == "hybrid"
    assert [s.n for s in found.sources] == list(range(1, len(found.sources) + 1))


def test_without_documents_the_model_is_sent_none_and_told_so(
    runtime: Runtime, server: ProviderServer
) -> None:
    run, events = ask(runtime, "May we store personal data?", agent="policy", retrieval="none")
    (role, system), *rest = sent(server)
    assert role == "system"
    assert system.startswith(prompts.load("answer_without_documents"))
    assert system.endswith(
        "Your subject: Policy & compliance. Terms, privacy, data protection, security rules, "
        "retention, what is allowed."
    )
    assert rest == [("user", "May we store personal data?")]
    assert only(events, "sources") == []
    saved = runtime.threads.messages(run.thread_id, "local")[-1].summary
    assert saved is not None
    assert (saved.source_mode, saved.sources) == (None, [])


def test_without_a_word_each_agent_uses_its_own_mode(
    runtime: Runtime, server: ProviderServer
) -> None:
    shown = [
        only(ask(runtime, "What is it?", agent=agent)[1], "sources")[0].mode
        for agent in ("technical", "billing", "policy", "general")
    ]
    assert shown == ["rag", "hybrid", "cag", "rag"]


@pytest.mark.parametrize(("retrieval", "recorded"), [("hybrid", ["hybrid"]), ("none", [])])
def test_analytics_has_the_mode_that_was_used(
    runtime: Runtime, server: ProviderServer, retrieval: Retrieval, recorded: list[str]
) -> None:
    run, _ = ask(runtime, "May we store personal data?", agent="policy", retrieval=retrieval)
    assert runtime.recorder.flush()
    detail = runtime.queries.run_detail(run.id)
    assert detail is not None
    steps = [s for s in detail.steps if s.operation_name == "retrieval"]
    assert [s.retrieval_mode for s in steps] == recorded


def test_the_data_agent_is_the_same_in_every_mode(runtime: Runtime, server: ProviderServer) -> None:
    for retrieval in (None, "rag", "none"):
        ask(runtime, "Runs today?", agent="data", retrieval=retrieval)
    bodies = [request.body for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2]
    assert tools(server) == {"query_metrics"}


def test_the_react_agent_without_documents_has_no_search(
    runtime: Runtime, server: ProviderServer
) -> None:
    _, events = ask(runtime, "How do I install it?", graph="react", retrieval="none")
    assert sent(server) == [
        ("system", prompts.load("react_without_documents")),
        ("user", "How do I install it?"),
    ]
    assert tools(server) == {"query_metrics", "save_note"}
    assert only(events, "sources") == []


def test_a_search_that_was_not_offered_finds_nothing(
    runtime: Runtime, server: ProviderServer
) -> None:
    server.script(SEARCH)
    _, events = ask(runtime, "How do I install it?", graph="react", retrieval="none")
    assert "<passage" not in str(server.requests[-1].body)
    assert only(events, "tool_end")[0].output == "There is nothing to search in this conversation."
    assert (only(events, "sources"), events[-1].type) == ([], "completed")


def test_what_earlier_questions_found_is_not_sent_either(
    runtime: Runtime, server: ProviderServer
) -> None:
    server.script(SEARCH, Reply(text="Set it [1]."))
    run, _ = ask(runtime, "Where is Postgres set?", graph="react")
    assert "<passage" in str(server.requests[-1].body)
    ask(runtime, "And now?", graph="react", thread_id=run.thread_id, retrieval="none")
    assert sent(server)[1:] == [
        ("user", "Where is Postgres set?"),
        ("assistant", "Set it [1]."),
        ("user", "And now?"),
    ]


def test_the_react_agent_gets_whole_documents_and_nothing_to_search(
    runtime: Runtime, server: ProviderServer
) -> None:
    _, events = ask(runtime, "How do I install it?", graph="react", retrieval="cag")
    system = sent(server)[0][1]
    assert system.startswith(prompts.load("react"))
    assert system.count("<passage ") == 5
    assert tools(server) == {"query_metrics", "save_note"}
    assert [e.mode for e in only(events, "sources")] == ["cag"]


def test_the_react_agent_searches_beside_its_documents(
    runtime: Runtime, server: ProviderServer
) -> None:
    server.script(SEARCH)
    _, events = ask(runtime, "How do I install it?", graph="react", retrieval="hybrid")
    assert [tools(server, n) for n in (0, 1)] == [{"query_metrics", "save_note", "search_docs"}] * 2
    assert sent(server, 0)[0] == sent(server, 1)[0], "the documents are there in each call"
    first, second = only(events, "sources")
    assert (first.mode, second.mode) == ("hybrid", "hybrid")
    assert second.sources == first.sources, "all there is was given already"


@pytest.mark.parametrize("graph", ["supervisor", "react"])
@pytest.mark.parametrize("question", ["How do I install it?", "Hello!"])
def test_the_embedded_answerer_says_that_it_needs_documents(
    runtime: Runtime, graph: str, question: str
) -> None:
    agent = "technical" if graph == "supervisor" else None
    asked = {"graph": graph, "agent": agent, "model": LOCAL, "retrieval": "none"}
    run, events = ask(runtime, question, **asked)
    assert events[-1].type == "completed"
    answer = runtime.threads.messages(run.thread_id, "local")[-1].text
    assert answer.startswith("I can only answer from documents")
    assert "choose a language model" in answer
    assert "I found no" not in answer


def test_the_embedded_answerer_reports_figures_without_documents(runtime: Runtime) -> None:
    asked = {"graph": "react", "model": LOCAL, "retrieval": "none"}
    run, _ = ask(runtime, "How many runs were there today by model?", **asked)
    assert "runs" in runtime.threads.messages(run.thread_id, "local")[-1].text
    assert "documents" not in runtime.threads.messages(run.thread_id, "local")[-1].text


def test_an_unknown_retrieval_starts_nothing(runtime: Runtime) -> None:
    before = runtime.threads.counts()
    with pytest.raises(InvalidInput, match="There is no retrieval 'magic'"):
        ask(runtime, "q", retrieval="magic")
    assert runtime.threads.counts() == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"retrieval": "none", "prompt": None}, "another retrieval"), ({"retrieval": None, "prompt": "v2"}, "other prompts")],
)  # fmt: skip
def test_a_graph_is_not_asked_for_what_it_does_not_heed(
    asked: dict[str, str | None], words: str
) -> None:
    haiku = GraphEntry(name="haiku", title="Haiku", description="Three lines.", build="x:build")
    haiku.check(retrieval=None, prompt=None)
    with pytest.raises(InvalidInput, match=f"The graph 'haiku' cannot be run with {words}"):
        haiku.check(**asked)
