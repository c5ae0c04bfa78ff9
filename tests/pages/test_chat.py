"""The chat page in process: states, callbacks, errors. What only a browser shows is in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from tests.pages.conftest import ENTRY, checked


@pytest.fixture
def app(runtime: Runtime, new_navigation: None) -> AppTest:
    """The chat page over a runtime of its own."""
    return AppTest.from_file(str(ENTRY), default_timeout=30)


def run(app: AppTest) -> AppTest:
    return checked(app.run())


def thread_of(app: AppTest) -> str:
    value = app.query_params["thread"]
    return value if isinstance(value, str) else value[0]


def send(app: AppTest, text: str) -> AppTest:
    app.chat_input[0].set_value(text)
    return run(app)


def test_a_first_visit_shows_starters_and_no_threads(app: AppTest) -> None:
    run(app)
    assert app.title[0].value == "What would you like to know?"
    assert [b.key for b in app.button if b.key and b.key.startswith("starter")] != []
    assert "listed here" in app.sidebar.caption[0].value


def test_a_question_is_answered_and_its_thread_is_in_the_url(app: AppTest) -> None:
    send(run(app), "What is Switchboard?")
    assert [m.name for m in app.chat_message] == ["user", "assistant"]
    facts = [c.value for c in app.chat_message[1].caption]
    assert any("first token" in line and "tokens in" in line for line in facts), facts
    assert re.fullmatch(r"[0-9a-f]{32}", thread_of(app))
    again = run(app)
    assert len(again.chat_message) == 2
    assert not any(b.key == "stop" for b in again.button)


def test_a_starter_button_asks_its_question(app: AppTest) -> None:
    run(app)
    app.button(key="starter_0").click()
    run(app)
    assert len(app.chat_message) == 2


def test_standard_mode_shows_the_whole_answer(app: AppTest) -> None:
    run(app)
    app.toggle(key="streaming").set_value(False)
    send(app, "How do I install Switchboard?")
    assert len(app.chat_message) == 2
    assert app.chat_message[1].markdown[0].value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x" * 20_001, "the limit is 20,000"),
        ("\x00\x07", "The message is empty"),
    ],
)
def test_a_message_that_cannot_be_used_is_refused_and_not_lost(
    app: AppTest, text: str, sentence: str
) -> None:
    send(run(app), text)
    assert sentence in app.error[0].value.replace("\\", "")
    assert len(app.chat_message) == 0
    assert app.chat_input[0].proto.value == text


def test_a_pinned_agent_answers(app: AppTest) -> None:
    run(app)
    app.selectbox(key="agent").set_value("supervisor/policy")
    send(app, "What is Switchboard?")
    assert any("Policy" in caption.value for caption in app.chat_message[1].caption)


@pytest.mark.parametrize("thread", ["nonsense", "0" * 32, "../../etc/passwd"])
def test_an_unknown_thread_in_the_url_is_named_and_left(app: AppTest, thread: str) -> None:
    app.query_params["thread"] = thread
    run(app)
    assert "There is no such thread" in app.error[0].value.replace("\\", "")
    assert app.title[0].value == "What would you like to know?"


def test_a_thread_can_be_deleted(app: AppTest, runtime: Runtime) -> None:
    send(run(app), "What is Switchboard?")
    thread_id = thread_of(app)
    app.menu_button(key=f"menu_{thread_id}").click("delete")
    run(app)
    app.button(key="delete_yes").click()
    run(app)
    assert len(app.chat_message) == 0
    assert not any(b.key == f"thread_{thread_id}" for b in app.button)
    assert runtime.threads.counts() == {"thread": 0, "message": 0, "run": 0}


def test_a_damaged_database_is_a_sentence_and_not_a_trace(
    data_dir: Path, new_navigation: None
) -> None:
    data_dir.mkdir(parents=True)
    (data_dir / "app.db").write_bytes(b"not a database at all" * 500)
    app = run(AppTest.from_file(str(ENTRY), default_timeout=30))
    assert "is not a database" in app.error[0].value.replace("\\", "")
    assert (data_dir / "app.db").read_bytes().startswith(b"not a database")


def test_a_wrong_setting_is_a_sentence(
    data_dir: Path, new_navigation: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_CONCURRENT_RUNS", "many")
    app = run(AppTest.from_file(str(ENTRY), default_timeout=30))
    assert "SWITCHBOARD_MAX_CONCURRENT_RUNS" in app.error[0].value.replace("\\", "")
