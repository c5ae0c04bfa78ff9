"""Graphs that ask people: what waits, how it is answered, and what outlives a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import NotFound
from core.events import Event
from core.settings import load_settings
from tests.agents.asking_graphs import register

pytestmark = pytest.mark.slow

NOTE = "Save a note: the wifi password is tulip."


class House:
    """A runtime and the graph its questions go to."""

    def __init__(self, folder: Path, graph: str = "react") -> None:
        self.graph = graph
        docs = folder / "docs" / "general"
        docs.mkdir(parents=True, exist_ok=True)
        (docs / "house.md").write_text(
            "# House rules\n\nQuiet hours begin at ten in the evening.\n"
        )
        self.runtime = Runtime(
            load_settings(env_file=None, data_dir=folder / "data", knowledge_dir=folder / "docs")
        )

    def ask(self, text: str, **request: Any) -> Run:
        return self.finished(TurnRequest(text=text, **({"graph": self.graph} | request)))

    def resume(self, run: Run, decisions: Mapping[str, Any]) -> Run:
        return self.finished(self.runtime.waiting.request(run.id, "local", decisions))

    def finished(self, request: TurnRequest) -> Run:
        run = self.runtime.start(request)
        for _ in run.follow():
            pass
        return run

    def open_ids(self, run: Run) -> list[str]:
        asked = self.runtime.waiting.questions([run.id], "local").get(run.id, ())
        return [question.interrupt_id for question in asked if question.waits]

    def answer(self, run: Run) -> str:
        return self.runtime.threads.messages(run.thread_id, "local")[-1].text


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    """Opens the same data folder, after closing what was open."""
    register(monkeypatch)
    opened: list[House] = []

    def open_(graph: str = "react") -> House:
        if opened:
            opened.pop().runtime.close(2.0)
        opened.append(House(tmp_path, graph))
        return opened[-1]

    yield open_
    for one in opened:
        one.runtime.close(2.0)


def last(run: Run) -> Event:
    return run.events[-1]


def approve(**edited: Any) -> dict[str, Any]:
    if edited:
        action = {"name": "save_note", "args": edited}
        return {"decisions": [{"type": "edit", "edited_action": action}]}
    return {"decisions": [{"type": "approve"}]}


def notes(house: House) -> list[str]:
    return [p.read_text() for p in house.runtime.settings.path("notes").rglob("*.md")]


def test_a_question_of_a_subgraph_of_a_subgraph_is_asked_and_answered(
    house: Callable[..., House],
) -> None:
    h = house("nested")
    run = h.ask("go")
    assert last(run).type == "interrupted"
    [question] = h.runtime.waiting.of_run(run.id, "local")
    assert question.value == '{"question": "deep?"}'
    done = h.resume(run, {question.interrupt_id: "yes"})
    assert (last(done).type, h.answer(done)) == ("completed", "deep=yes")


def test_three_questions_at_once_are_answered_together(house: Callable[..., House]) -> None:
    h = house("parallel")
    run = h.ask("go")
    ids = h.open_ids(run)
    assert len(ids) == 3
    done = h.resume(run, {one: n for n, one in enumerate(ids)})
    assert last(done).type == "completed"
    assert sorted(part[-1] for part in h.answer(done).split(", ")) == ["0", "1", "2"]


def test_three_questions_at_once_are_answered_one_by_one(house: Callable[..., House]) -> None:
    h = house("parallel")
    run, left = h.ask("go"), 3
    while (ids := h.open_ids(run)) and left:
        assert len(ids) == left
        assert h.runtime.waiting.count("local") == 1
        run, left = h.resume(run, {ids[0]: left}), left - 1
    assert last(run).type == "completed"
    assert h.runtime.waiting.count("local") == 0
    assert sorted(part[-1] for part in h.answer(run).split(", ")) == ["1", "2", "3"]


def test_a_question_outlives_a_restart(house: Callable[..., House]) -> None:
    run = house("nested").ask("go")
    h = house("nested")
    [waiting] = h.runtime.waiting.waiting("local")
    assert (waiting.run_id, waiting.graph, waiting.asked) == (run.id, "nested", "go")
    done = h.resume(run, {waiting.questions[0].interrupt_id: "later"})
    assert h.answer(done) == "deep=later"


def test_an_answer_the_graph_refuses_can_be_given_again(house: Callable[..., House]) -> None:
    h = house("parallel_seats")
    run = h.ask("go")
    ids = h.open_ids(run)
    wrong = h.resume(run, {ids[0]: {"seats": "many"}})
    assert last(wrong).type == "error"
    assert h.open_ids(run) == ids
    done = h.resume(run, {one: {"seats": 2} for one in ids})
    assert h.answer(done) == "a=seats=2, b=seats=2, c=seats=2"


@pytest.mark.parametrize("run_id", ["nonsense", "0" * 32, "foreign"])
def test_an_unknown_and_a_foreign_run_cannot_be_resumed(
    house: Callable[..., House], run_id: str
) -> None:
    h = house("nested")
    mine = h.ask("go", owner="somebody")
    given = mine.id if run_id == "foreign" else run_id
    with pytest.raises(NotFound) as refused:
        h.runtime.start(TurnRequest(text="", graph="react", resumes=given, decisions={"x": 1}))
    assert refused.value.message == "There is no such question."
    assert h.runtime.waiting.count("local") == 0
    assert h.runtime.waiting.count("somebody") == 1


def test_an_answered_and_an_unknown_question_cannot_be_answered(
    house: Callable[..., House],
) -> None:
    h = house("nested")
    run = h.ask("go")
    [one] = h.open_ids(run)
    with pytest.raises(NotFound):
        h.resume(run, {"unknown": 1})
    h.resume(run, {one: "yes"})
    with pytest.raises(NotFound):
        h.resume(run, {one: "no"})
    [answered] = h.runtime.waiting.of_run(run.id, "local")
    assert (answered.answer, answered.answered_by, answered.waits) == ("yes", "local", False)


def test_what_waits_is_counted_per_thread(house: Callable[..., House]) -> None:
    h = house("parallel")
    first, second = h.ask("one"), h.ask("two")
    assert h.runtime.waiting.by_thread("local") == {first.thread_id: 3, second.thread_id: 3}
    runs = [w.run_id for w in h.runtime.waiting.waiting("local")]
    assert runs == [first.id, second.id]
    newest = h.runtime.waiting.waiting("local", newest_first=True, limit=1)
    assert [w.run_id for w in newest] == [second.id]
    assert h.runtime.waiting.waiting("somebody") == []
    h.runtime.delete_thread(first.thread_id, "local")
    assert h.runtime.waiting.count("local") == 1


def test_going_on_uses_the_same_graph_agent_and_model(house: Callable[..., House]) -> None:
    h = house("nested")
    run = h.ask("go", model="local:extractive", fallback=False, stream=False, temperature=0.5)
    request = h.runtime.waiting.request(run.id, "local", {"i": 1})
    assert (request.graph, request.model, request.fallback) == ("nested", "local:extractive", False)
    assert (request.stream, request.temperature, request.thread_id) == (False, 0.5, run.thread_id)


# -- the tool that ships


def test_no_note_is_written_before_a_person_approves(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    assert last(run).type == "interrupted"
    assert notes(h) == []
    [one] = h.open_ids(run)
    done = h.resume(run, {one: approve()})
    assert last(done).type == "completed"
    assert notes(h) == ["# Wifi password is tulip\n\nThe wifi password is tulip.\n"]
    assert "Saved the note" in h.answer(done)


def test_a_kept_note_is_found_and_cited_by_later_answers(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    h.resume(run, dict.fromkeys(h.open_ids(run), approve()))
    for graph in ("react", "supervisor"):
        asked = TurnRequest(text="What is the wifi password?", graph=graph)
        assert "tulip" in h.answer(h.finished(asked))
        assert "[1]" in h.answer(h.finished(asked))


def test_a_note_is_found_by_its_owner_only(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    h.resume(run, dict.fromkeys(h.open_ids(run), approve()))
    foreign = TurnRequest(text="What is the wifi password?", graph="react", owner="eve")
    ended = h.finished(foreign)
    told = h.runtime.threads.messages(ended.thread_id, "eve")[-1]
    assert "tulip" not in told.text
    assert told.summary is not None
    assert "tulip" not in str(told.summary.sources)


def test_a_person_can_change_what_is_kept(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    changed = approve(title="Guest wifi", text="It is rose.")
    done = h.resume(run, dict.fromkeys(h.open_ids(run), changed))
    assert notes(h) == ["# Guest wifi\n\nIt is rose.\n"]
    assert "Guest wifi" in h.answer(done)


@pytest.mark.parametrize(
    "answer",
    [
        {"decisions": [{"type": "reject", "message": "no secrets here"}]},
        {"decisions": [{"type": "respond", "message": "saved"}]},
        {"decisions": []},
        {
            "decisions": [
                {"type": "edit", "edited_action": {"name": "save_note", "args": {"title": 1}}}
            ]
        },
        "approve",
        None,
    ],
)
def test_anything_but_an_approval_writes_nothing(house: Callable[..., House], answer: Any) -> None:
    h = house()
    run = h.ask(NOTE)
    done = h.resume(run, dict.fromkeys(h.open_ids(run), answer))
    assert last(done).type == "completed"
    assert notes(h) == []


def test_the_reason_of_a_rejection_is_told(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    no = {"decisions": [{"type": "reject", "message": "no secrets here"}]}
    done = h.resume(run, dict.fromkeys(h.open_ids(run), no))
    assert "no secrets here" in h.answer(done)


def test_erasing_a_person_deletes_their_notes(house: Callable[..., House]) -> None:
    h = house()
    run = h.ask(NOTE)
    h.resume(run, dict.fromkeys(h.open_ids(run), approve()))
    h.runtime.erase_person("local")
    assert notes(h) == []
    assert [a.area for a in h.runtime.knowledge.areas()] == ["general"]
