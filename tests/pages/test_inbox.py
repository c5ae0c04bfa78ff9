"""What waits for people: in the inbox, under the waiting answer, and what is left of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from tests.agents.asking_graphs import HOSTILE, register
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow

NOTE = "Save a note: the wifi password is tulip."
Ask = Callable[..., Run]


@pytest.fixture
def ask(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Ask:
    register(monkeypatch)

    def finished(text: str = NOTE, graph: str = "react", **request: Any) -> Run:
        run = runtime.start(TurnRequest(text=text, graph=graph, **request))
        for _ in run.follow():
            pass
        return run

    return finished


def texts(at: AppTest) -> str:
    drawn = [*at.markdown, *at.caption, *at.error, *at.info, *at.success]
    return "\n".join(str(element.value) for element in drawn).replace("\\", "")


def send(at: AppTest, n: int = 0) -> AppTest:
    buttons = [b for b in at.button if b.key and b.key.endswith("/send")]
    buttons[n].click()
    return checked(at.run())


def widget(at: AppTest, kind: str, end: str) -> Any:
    return next(w for w in getattr(at, kind) if w.key and w.key.endswith(end))


def ended(runtime: Runtime, thread_id: str) -> str:
    """The newest answer of a thread, when nothing runs in it any more."""
    run = runtime.runs.for_thread(thread_id)
    if run is not None:
        for _ in run.follow():
            pass
    return runtime.threads.messages(thread_id, "local")[-1].text


def test_an_empty_inbox_says_what_will_be_there(open_page: OpenPage) -> None:
    at = open_page("inbox")
    assert at.title[0].value == "Inbox"
    assert "Nothing waits for you" in at.info[0].value


def test_the_inbox_lists_what_waits_and_who_asked(open_page: OpenPage, ask: Ask) -> None:
    ask()
    at = open_page("inbox")
    assert "Approve save\\_note" in at.expander[0].label
    assert "just now" in at.expander[0].label
    assert f"The ReAct agent asks, after you wrote: “{NOTE}”" in texts(at)
    assert "One run waits." in texts(at)


def test_an_approval_in_the_inbox_goes_on_with_the_run(
    open_page: OpenPage, ask: Ask, runtime: Runtime
) -> None:
    run = ask()
    at = send(open_page("inbox"))
    assert "Your answer was sent" in texts(at)
    assert "Nothing waits for you" in texts(at)
    assert "Saved the note" in ended(runtime, run.thread_id)


def test_a_rejection_tells_its_reason(open_page: OpenPage, ask: Ask, runtime: Runtime) -> None:
    run = ask()
    at = open_page("inbox")
    widget(at, "segmented_control", "/decision").set_value("reject")
    checked(at.run())
    widget(at, "text_input", "/message").set_value("no secrets")
    send(at)
    assert "no secrets" in ended(runtime, run.thread_id)
    assert runtime.knowledge.notes is not None
    assert runtime.knowledge.notes.count("local") == 0


def test_a_change_is_what_is_kept(open_page: OpenPage, ask: Ask, runtime: Runtime) -> None:
    run = ask()
    at = open_page("chat", thread=run.thread_id)
    widget(at, "segmented_control", "/decision").set_value("edit")
    checked(at.run())
    widget(at, "text_input", "/title").set_value("Guest wifi")
    send(at)
    assert "Guest wifi" in ended(runtime, run.thread_id)


def test_the_chat_says_what_was_decided(open_page: OpenPage, ask: Ask, runtime: Runtime) -> None:
    run = ask()
    at = open_page("chat", thread=run.thread_id)
    assert "asks for approval" in texts(at)
    send(at)
    ended(runtime, run.thread_id)
    at = open_page("chat", thread=run.thread_id)
    assert "You approved save_note, just now" in texts(at)
    assert "asks for approval" not in texts(at)
    assert "Waiting for a person" not in texts(at)


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    open_page: OpenPage, ask: Ask, runtime: Runtime
) -> None:
    run = ask("go", graph="parallel_seats")
    at = open_page("chat", thread=run.thread_id)
    send(at, 1)
    assert texts(at).count("Fill in “Seats”.") == 1
    assert runtime.waiting.count("local") == 1
    for field in at.number_input:
        field.set_value(4)
    at.button(key=f"ask_all_{run.id}").click()
    checked(at.run())
    assert ended(runtime, run.thread_id) == "a=seats=4, b=seats=4, c=seats=4"


def test_several_questions_can_be_answered_one_by_one(
    open_page: OpenPage, ask: Ask, runtime: Runtime
) -> None:
    run = ask("go", graph="parallel")
    for n in range(3):
        at = open_page("chat", thread=run.thread_id)
        assert len([b for b in at.button if str(b.key).endswith("/send")]) == 3 - n
        widget(at, "text_area", "/text").set_value(f"answer {n}")
        send(at)
        text = ended(runtime, run.thread_id)
    assert sorted(text.split("=")[i][:8] for i in (1, 2, 3)) == ["answer 0", "answer 1", "answer 2"]


def test_a_draft_is_there_after_a_visit_of_another_page(open_page: OpenPage, ask: Ask) -> None:
    ask("go", graph="nested")
    at = open_page("inbox")
    widget(at, "text_area", "/text").set_value("half an ans")
    checked(at.run())
    at.switch_page("pages/settings.py")
    checked(at.run())
    at.switch_page("pages/inbox.py")
    checked(at.run())
    assert widget(at, "text_area", "/text").value == "half an ans"


def test_the_navigation_counts_what_waits(open_page: OpenPage, ask: Ask) -> None:
    from pages.components import session

    assert session.inbox_title() == "Inbox"
    ask()
    ask("go", graph="parallel")
    assert session.inbox_title() == "Inbox (2)"


def test_an_answer_somebody_else_gave_meanwhile_is_a_sentence(
    open_page: OpenPage, ask: Ask, runtime: Runtime
) -> None:
    run = ask()
    at = open_page("inbox")
    [question] = runtime.waiting.of_run(run.id, "local")
    given = {question.interrupt_id: {"decisions": [{"type": "reject"}]}}
    for _ in runtime.start(runtime.waiting.request(run.id, "local", given)).follow():
        pass
    send(at)
    assert "not waiting for an answer any more" in texts(at)
    assert runtime.knowledge.notes is not None
    assert runtime.knowledge.notes.count("local") == 0


@pytest.mark.parametrize("graph", ["trip", "choice"])
def test_hostile_texts_are_shown_as_text(open_page: OpenPage, ask: Ask, graph: str) -> None:
    run = ask(HOSTILE, graph=graph)
    for page, query in (("inbox", {}), ("chat", {"thread": run.thread_id})):
        at = open_page(page, **query)
        raw = [str(e.value) for e in (*at.markdown, *at.caption)]
        raw += [w.label for w in (*at.text_input, *at.radio, *at.expander)]
        raw += [option for radio in at.radio for option in radio.options]
        assert any("evil" in text for text in raw)
        for text in raw:
            assert "![" not in text.replace("\\!\\[", "")
            assert ":red[r" not in text
            assert "$5" not in text.replace("\\$5", "")
