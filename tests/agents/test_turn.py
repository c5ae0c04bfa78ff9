"""Whole turns of real graphs: routing, retrieval, tools, memory, repair."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import graphs
from agents.checkpoints import newest, open_saver
from agents.context import RunContext
from agents.loop import LoopThread
from agents.retrieval import Knowledge
from agents.run import Checkpoint, Run, TurnRequest
from agents.run_store import RunStore
from agents.runs import RunManager
from agents.seen_knowledge import SeenKnowledge
from agents.tables import metadata
from agents.threads import ThreadStore
from agents.turn import GraphAccess, GraphTurn
from core.database import Database
from core.errors import ModelUnavailable
from core.events import Event
from core.metrics_query import MetricsAnswer, MetricsQuestion, MetricsRow
from core.transcript import Transcript
from tests.agents.scripted_model import ScriptedChat, ScriptedSource

DOCUMENTS = {
    "technical/install.md": "# Install\n\nRun `make run` to install and start Switchboard on port 8501.",
    "technical/postgres.md": "# Postgres\n\nSet SWITCHBOARD_DATABASE_URL to use Postgres as storage.",
    "billing/cost.md": "# Cost of an answer\n\nThe invoice price of an answer is tokens times price.",
    "policy/privacy.md": "# Privacy\n\nNo personal data is sent anywhere without a key.",
    "general/what.md": "# What is Switchboard\n\nSwitchboard is a chat with agents and a dashboard.",
}


class House:
    """Real stores, saver, knowledge and graphs; scripted models."""

    def __init__(self, folder: Path, source: ScriptedSource, **context: Any) -> None:
        for name, text in DOCUMENTS.items():
            path = folder / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.folder, self.source, self.more = folder, source, context
        self.database = Database(f"sqlite:///{folder / 'app.db'}", metadata=metadata)
        self.store, self.threads = RunStore(self.database), ThreadStore(self.database)
        self.knowledge = Knowledge(folder / "knowledge.db", folder / "docs")
        self.knowledge.sync()
        self.loop = LoopThread()
        self.questions: list[MetricsQuestion] = []
        self.saver: Any = None
        self.runs = RunManager(self.loop, self.store, self._turn)

    def _turn(self, run: Run) -> GraphTurn:
        context = RunContext(
            run_id=run.id,
            owner="local",
            models=self.source,
            knowledge=SeenKnowledge(self.knowledge, "local"),
            metrics=self._metrics,
            answer_models=("openai:gpt-4o-mini",),
            router_models=self.more.get("router_models", ("local:extractive",)),
            pinned_agent=run.request.agent,
        )
        entry = graphs.entry(run.request.graph)

        async def access() -> GraphAccess:
            if self.saver is None:
                self.saver = await open_saver(self.folder / "checkpoints.db")
            graph = graphs.load(entry.name)
            graph.checkpointer = self.saver
            return GraphAccess(
                graph=graph,
                entry=entry,
                saver=self.saver,
                history=lambda message_id: self.store.history(message_id, limit=60),
            )

        return GraphTurn(run, context, access, run.publish)

    def _metrics(self, question: MetricsQuestion) -> MetricsAnswer:
        self.questions.append(question)
        row = MetricsRow(label="all", value=7.0, n=7)
        return MetricsAnswer(
            question=question, unit="runs", rows=(), total=row, since="a", until="b"
        )

    def ask(self, text: str, **request: Any) -> tuple[Run, list[Event]]:
        run = self.runs.start(TurnRequest(text=text, **request))
        return run, [event for batch in run.follow() for event in batch]

    def state(self, run: Run) -> list[Any]:
        async def read() -> list[Any]:
            thread = f"{run.thread_id}:{run.request.graph}:{run.id}"
            graph = graphs.load(run.request.graph)
            graph.checkpointer = self.saver
            state = await graph.aget_state({"configurable": {"thread_id": thread}})
            return list(state.values.get("messages", []))

        return self.loop.run(read(), 10)

    def close(self) -> None:
        self.runs.close(2.0)
        if self.saver is not None:
            self.loop.run(self.saver.conn.close(), 5)
        self.loop.close()
        self.knowledge.close()
        self.database.close()


@contextlib.contextmanager
def house(folder: Path, source: ScriptedSource | None = None, **context: Any) -> Iterator[House]:
    made = House(folder, source or ScriptedSource(), **context)
    try:
        yield made
    finally:
        made.close()


def only(events: list[Event], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


def test_a_question_is_routed_answered_from_passages_and_saved(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat(replies=["Run make run [1]."]))
    with house(tmp_path, source) as h:
        run, events = h.ask("How do I install and start it with make?", agent="technical")
        route, found = only(events, "route")[0], only(events, "sources")[0]
        assert (route.agent, route.decided_by) == ("technical", "pinned")
        assert (found.mode, found.sources[0].document) == ("rag", "technical/install.md")
        assert h.threads.messages(run.thread_id, "local")[-1].text == "Run make run [1]."
        steps = [e.name for e in only(events, "reasoning_step") if e.status == "started"]
        assert steps == ["supervisor", "technical", "finish"]
        prompt = source.models["answer"].prompts[0]
        assert prompt[-1].content == "How do I install and start it with make?"
        assert "make run" in str(prompt[-2].content)


def test_the_policy_specialist_gets_whole_documents_as_a_stable_prefix(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat())
    with house(tmp_path, source) as h:
        h.ask("May we store personal data?", agent="policy")
        h.ask("What about deleting it?", agent="policy")
        first, second = (prompt[0] for prompt in source.models["answer"].prompts)
        assert first.content == second.content
        assert "No personal data" in str(first.content)
        extra = first.additional_kwargs
        assert extra["cache_prefix_chars"] == len(str(first.content))
        assert extra["cache_key"].startswith("policy:")


def test_the_billing_specialist_has_both_a_prefix_and_passages(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat())
    with house(tmp_path, source) as h:
        _, events = h.ask("What is the price of an answer on Postgres?", agent="billing")
        found = only(events, "sources")[0]
        assert found.mode == "hybrid"
        assert found.sources[0].document == "billing/cost.md"
        assert [s.n for s in found.sources] == list(range(1, len(found.sources) + 1))


def test_a_question_about_figures_goes_through_the_typed_tool(tmp_path: Path) -> None:
    call = {"name": "query_metrics", "args": {"measure": "runs", "split": "agent", "range": "24h"}}
    source = ScriptedSource(answer=ScriptedChat(replies=[call, "There were 7 runs."]))
    with house(tmp_path, source) as h:
        run, events = h.ask("How many runs were there today by agent?")
        assert only(events, "route")[0].agent == "data"
        assert h.questions == [MetricsQuestion(measure="runs", split="agent", range="24h")]
        assert [e.name for e in only(events, "tool_start")] == ["query_metrics"]
        assert only(events, "tool_end")[0].error is None
        assert h.threads.messages(run.thread_id, "local")[-1].text == "There were 7 runs."


def test_nonsense_for_the_tool_comes_back_as_a_sentence(tmp_path: Path) -> None:
    call = {"name": "query_metrics", "args": {"measure": "vibes; DROP TABLE run"}}
    source = ScriptedSource(answer=ScriptedChat(replies=[call, "I cannot measure that."]))
    with house(tmp_path, source) as h:
        _, events = h.ask("runs?", agent="data")
        assert events[-1].type == "completed"
        assert "There is no measure" in only(events, "tool_end")[0].output
        assert h.questions == []


def test_an_unsure_vote_asks_the_router_model_and_hides_its_tokens(tmp_path: Path) -> None:
    call = {"name": "ChooseSpecialist", "args": {"agent": "billing", "reason": "about money"}}
    source = ScriptedSource(
        route=ScriptedChat(replies=[call]), answer=ScriptedChat(replies=["answer"])
    )
    with house(tmp_path, source, router_models=("openai:gpt-4o-mini",)) as h:
        run, events = h.ask("zzz qqq")
        route = only(events, "route")[0]
        assert (route.agent, route.decided_by, route.reason) == ("billing", "model", "about money")
        assert h.threads.messages(run.thread_id, "local")[-1].text == "answer"


@pytest.mark.parametrize(
    "reply",
    [
        ModelUnavailable("down"),
        {"name": "ChooseSpecialist", "args": {"agent": "wizard", "reason": "x"}},
        "no tool call at all",
    ],
)
def test_a_router_that_fails_leaves_the_vote(tmp_path: Path, reply: Any) -> None:
    source = ScriptedSource(route=ScriptedChat(replies=[reply]), answer=ScriptedChat())
    with house(tmp_path, source, router_models=("openai:gpt-4o-mini",)) as h:
        _, events = h.ask("zzz qqq")
        assert only(events, "route")[0].decided_by == "fallback"
        assert events[-1].type == "completed"


def test_a_follow_up_is_searched_with_what_it_leans_on(tmp_path: Path) -> None:
    with house(tmp_path) as h:
        run, _ = h.ask("How do I install Switchboard and choose its storage?")
        _, events = h.ask("and for Postgres?", thread_id=run.thread_id, agent="technical")
        found = only(events, "sources")[0]
        assert "storage" in found.query
        assert found.sources[0].document == "technical/postgres.md"


def test_the_second_turn_remembers_the_first(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat(replies=["first answer", "second answer"]))
    with house(tmp_path, source) as h:
        run, _ = h.ask("first question", agent="general")
        h.ask("second question", thread_id=run.thread_id, agent="general")
        said = [m.content for m in source.models["answer"].prompts[1] if m.type in ("human", "ai")]
        assert said[0:2] == ["first question", "first answer"]
        assert [m.type for m in h.state(run)] == ["human", "ai", "human", "ai"]


def test_a_stopped_turn_is_part_of_the_memory_of_the_next(tmp_path: Path) -> None:
    source = ScriptedSource(
        answer=ScriptedChat(replies=["one two three four", "done"], delay_s=0.2)
    )
    with house(tmp_path, source) as h:
        run = h.runs.start(TurnRequest(text="first question", agent="general"))
        for batch in run.follow():
            if any(e.type == "token" for e in batch):
                h.runs.cancel(run.id)
        source.models["answer"].delay_s = 0
        h.ask("second question", thread_id=run.thread_id, agent="general")
        said = [m.content for m in source.models["answer"].prompts[-1] if m.type in ("human", "ai")]
        assert said[0] == "first question"
        assert said[1].startswith("one")


def test_a_lost_checkpoint_file_is_rebuilt_from_the_history(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat(replies=["first answer", "second answer"]))
    with house(tmp_path, source) as h:
        run, _ = h.ask("first question", agent="general")
    for file in tmp_path.glob("checkpoints.db*"):
        file.write_bytes(b"garbage" * 1000)
    with house(tmp_path, source) as h:
        h.ask("second question", thread_id=run.thread_id, agent="general")
        said = [m.content for m in source.models["answer"].prompts[1] if m.type in ("human", "ai")]
        assert said[:2] == ["first question", "first answer"]
    assert list(tmp_path.glob("checkpoints.db.broken-*"))


def test_checkpoints_stay_few(tmp_path: Path) -> None:
    with house(tmp_path) as h:
        run, _ = h.ask("q", agent="general")
        for _ in range(6):
            h.ask("again", thread_id=run.thread_id, agent="general")

        async def count() -> int:
            cursor = await h.saver.conn.execute("SELECT count(*) FROM checkpoints")
            return int((await cursor.fetchone())[0])

        assert h.loop.run(count(), 5) <= 3


def test_the_react_agent_searches_and_cites_with_running_numbers(tmp_path: Path) -> None:
    search = {"name": "search_docs", "args": {"query": "install"}}
    more = {"name": "search_docs", "args": {"query": "privacy personal data"}}
    source = ScriptedSource(answer=ScriptedChat(replies=[search, more, "See [1]."]))
    with house(tmp_path, source) as h:
        _, events = h.ask("How do I install it?", graph="react")
        assert events[-1].type == "completed", events[-1]
        transcript = Transcript()
        transcript.add_all(events)
        assert transcript.sources is not None
        assert [s.n for s in transcript.sources.sources] == list(
            range(1, len(transcript.sources.sources) + 1)
        )
        assert len(only(events, "tool_end")) == 2
        assert transcript.text == "See [1]."


def test_a_dangling_tool_call_is_closed_before_the_next_question(tmp_path: Path) -> None:
    """A kill while a tool ran leaves a call without a result, which providers refuse for ever."""
    from langchain_core.messages import AIMessage, HumanMessage

    source = ScriptedSource(answer=ScriptedChat(replies=["fine", "fine again"]))
    with house(tmp_path, source) as h:
        run, _ = h.ask("hello", graph="react")

        async def leave_dangling() -> None:
            graph = graphs.load("react")
            graph.checkpointer = h.saver
            thread = f"{run.thread_id}:react:{run.id}"
            config = {"configurable": {"thread_id": thread}}
            call = {"name": "search_docs", "args": {"query": "x"}, "id": "c9", "type": "tool_call"}
            messages = [HumanMessage("q", id="lost"), AIMessage("", tool_calls=[call])]
            await graph.aupdate_state(config, {"messages": messages}, as_node="agent")
            left = Checkpoint(thread=thread, id=str(await newest(h.saver, thread)))
            answer = h.threads.messages(run.thread_id, "local")[-1]
            assert answer.summary is not None
            h.store.finish(run.id, answer.id, answer.text, answer.summary, checkpoint=left)

        h.loop.run(leave_dangling(), 10)
        _, events = h.ask("next", graph="react", thread_id=run.thread_id)
        assert events[-1].type == "completed"
        prompt = source.models["answer"].prompts[-1]
        kinds = [(m.type, str(m.content)[:40]) for m in prompt[-3:]]
        assert kinds == [("ai", ""), ("tool", "The tool call was interrupted."), ("human", "next")]


def test_a_failing_model_is_an_error_event_with_what_to_do(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat(replies=[ModelUnavailable("Nobody answered.")]))
    with house(tmp_path, source) as h:
        _, events = h.ask("q", agent="general")
        last: Any = events[-1]
        assert (last.type, last.code, last.message) == (
            "error",
            "model_unavailable",
            "Nobody answered.",
        )
        ended = [e for e in only(events, "reasoning_step") if e.name == "general"]
        assert ended[-1].status == "error"


def test_a_foreign_model_inside_a_graph_is_recorded_too(tmp_path: Path) -> None:
    with house(tmp_path) as h:
        _, events = h.ask("q", agent="general")
        attempts, usage = only(events, "attempt"), only(events, "usage")
        assert [a.outcome for a in attempts] == ["started", "ok"]
        assert attempts[1].first_token_us is not None
        assert (usage[0].input_tokens, usage[0].source) == (10, "provider")


def test_stopping_cancels_the_model_inside_the_graph(tmp_path: Path) -> None:
    source = ScriptedSource(answer=ScriptedChat(replies=["a b c d e f g h"], delay_s=0.5))
    with house(tmp_path, source) as h:
        run = h.runs.start(TurnRequest(text="q", agent="general"))
        asyncio.run(_until(run, "sources"))
        h.runs.cancel(run.id)
        events = [e for batch in run.follow() for e in batch]
        assert events[-1].type == "cancelled"
        assert {e.status for e in only(events, "reasoning_step") if e.name == "general"} == {
            "started",
            "cancelled",
        }


async def _until(run: Run, kind: str) -> None:
    async for event in run.afollow():
        if event.type == kind:
            return
