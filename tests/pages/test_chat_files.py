"""Files in the chat input: sent with the question, refused by name, listed, deleted."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from pages.components import chat_files
from tests.agents import file_samples as samples
from tests.pages.conftest import ENTRY, checked

pytestmark = pytest.mark.slow

HOSTILE = "![x](evil) :red[y] $a$ *b*.md"


@pytest.fixture
def app(runtime: Runtime, new_navigation: None, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(chat_files, "AT_ONCE_S", 10.0)  # the machine of a test may be busy
    return checked(AppTest.from_file(str(ENTRY), default_timeout=40).run())


def send(app: AppTest, text: str, **files: bytes) -> AppTest:
    box = app.chat_input[0].set_value(text)
    for name, raw in files.items():
        box.upload(name, raw)
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.error, *app.caption))


def test_a_file_goes_with_its_question_and_is_named_under_it(app: AppTest) -> None:
    send(app, "What do hotels cost in Paris?", **{"trip.md": samples.POLICY.encode()})
    assert [m.name for m in app.chat_message] == ["user", "assistant"]
    shown = [m.value for m in app.chat_message[0].markdown]
    assert any(r"trip\.md" in text and "badge" in text for text in shown)
    assert any("180 euros" in m.value for m in app.chat_message[1].markdown)


def test_a_file_that_fails_keeps_the_text_and_the_other_files(app: AppTest) -> None:
    good, bad = samples.STOCK.encode(), b"no pdf at all"
    send(app, "What does Widget 37 cost?", **{"stock.csv": good, "fake.pdf": bad})
    assert list(app.chat_message) == []
    assert r"fake\.pdf" in app.error[0].value
    assert "the content is plain text" in app.error[0].value
    assert app.chat_input[0].proto.value == "What does Widget 37 cost?"
    assert any(button.label == r"stock\.csv" for button in app.button)
    send(app, "What does Widget 37 cost?")
    assert "55.50" in words(app)
    assert not app.error


def test_a_file_that_waits_can_be_removed(app: AppTest) -> None:
    send(app, "", **{"trip.md": samples.POLICY.encode()})
    [drop] = [button for button in app.button if button.key and button.key.startswith("drop_")]
    drop.click()
    checked(app.run())
    assert not [b for b in app.button if b.key and b.key.startswith("drop_")]


def test_a_hostile_name_is_shown_as_text(app: AppTest) -> None:
    send(app, "What do hotels cost in Paris?", **{HOSTILE: samples.POLICY.encode()})
    named = [m.value for m in app.chat_message[0].markdown]
    assert any(r"\$a\$ \*b\*\.md" in text for text in named)
    assert not any("![x](" in text or ":red[" in text for text in named)


def test_a_file_of_a_thread_can_be_deleted(app: AppTest, runtime: Runtime) -> None:
    send(app, "What do hotels cost in Paris?", **{"trip.md": samples.POLICY.encode()})
    [delete] = [b for b in app.button if b.key and b.key.startswith("delete_file_")]
    delete.click()
    checked(app.run())
    [thread] = runtime.threads.recent("local")
    assert runtime.files.store.of_thread(thread.id, "local") == []
