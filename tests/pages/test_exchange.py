"""Chats into Switchboard and out of it on the Settings page: looked at first, then imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.exchange.export import KINDS
from agents.runtime import Runtime
from pages.components import session
from tests.agents.exchanging import FILES, bring, chatgpt, node
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them


def words(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.warning, *at.success, *at.error, *at.info]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def uploaded(runtime: Runtime, open_page: OpenPage, name: str, content: bytes) -> AppTest:
    """The page after a file was chosen and looked at."""
    at = open_page("settings", settings_tab="Chats")
    key = next(u.key for u in at.get("file_uploader") if str(u.key).startswith("exchange_file"))
    checked(at.file_uploader(key=key).upload(name, content, "application/json").run())
    assert runtime.exchange.wait(session.owner(), 10)
    return checked(at.run())


def press(at: AppTest, label: str) -> AppTest:
    button = next(b for b in at.button if b.label.startswith(label))
    return checked(button.click().run())


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_a_file_is_looked_at_before_anything_comes_in(
    open_page: OpenPage, runtime: Runtime
) -> None:
    content = (FILES / "chatgpt.json").read_bytes()
    at = uploaded(runtime, open_page, "conversations.json", content)
    found = metrics(at)
    assert (found["New"], found["There already"], found["Cannot be read"]) == ("2", "0", "1")
    assert "1 chat cannot be read and would be left out" in words(at)
    tables = [frame.value.to_dict("list") for frame in at.dataframe]
    problems = next(table for table in tables if "What" in table)
    assert problems["Chat"][0] == "Half an entry"
    assert runtime.threads.recent("local") == []


def test_the_good_ones_come_in_when_asked_for(open_page: OpenPage, runtime: Runtime) -> None:
    content = (FILES / "chatgpt.json").read_bytes()
    at = uploaded(runtime, open_page, "conversations.json", content)
    press(at, "Import the 2 good ones")
    assert runtime.exchange.wait(session.owner(), 10)
    at = checked(at.run())
    assert "2 chats imported with 8 messages, 1 could not be read" in words(at)
    assert len(runtime.threads.recent("local")) == 2
    at = press(at, "Choose another file")
    assert "New" not in metrics(at)


def test_a_file_that_is_no_export_says_what_to_choose(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = uploaded(runtime, open_page, "diary.json", b"Dear diary")
    assert "The file is not JSON." in words(at)
    assert [b.label for b in at.button if b.label == "Choose another file"]


def test_hostile_names_and_titles_are_text(open_page: OpenPage, runtime: Runtime) -> None:
    title = "**bold** ![x](http://evil.example/a.png) :red[x] $y$ <b>"
    content = json.dumps([chatgpt(title), {"title": title, "mapping": {}}]).encode()
    at = uploaded(runtime, open_page, "**x** $y$ <b>.json", content)
    press(at, "Import the good one")
    assert runtime.exchange.wait(session.owner(), 10)
    at = checked(at.run())
    shown = "\n".join(str(part.value) for part in [*at.markdown, *at.caption, *at.success])
    assert "**x**" not in shown
    assert "![x]" not in shown


def test_a_large_file_is_read_from_the_folder(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.exchange.folder.mkdir(parents=True, exist_ok=True)
    path = runtime.exchange.folder / "large.json"
    path.write_text(json.dumps([chatgpt()]))
    at = press(open_page("settings", settings_tab="Chats"), "Read large")
    assert runtime.exchange.wait(session.owner(), 10)
    assert metrics(checked(at.run()))["New"] == "1"
    assert path.exists()


def test_all_chats_are_written_and_offered(open_page: OpenPage, runtime: Runtime) -> None:
    bring(runtime.database, FILES / "chatgpt.json")
    at = press(open_page("settings", settings_tab="Chats"), "Write the file")
    assert runtime.exchange.wait(session.owner(), 10)
    at = checked(at.run())
    assert "2 chats" in words(at)
    assert "switchboard-chats.json" in words(at)
    at = press(at, "Remove")
    assert "switchboard-chats.json" not in words(at)


def test_an_imported_answer_shows_its_reasoning_and_no_way_to_a_run(
    open_page: OpenPage, runtime: Runtime, tmp_path: Path
) -> None:
    entry = chatgpt()
    entry["mapping"]["t"] = node("t", "q", "assistant", "", 1_721_000_001.5)
    entry["mapping"]["t"]["message"]["content"] = {
        "content_type": "thoughts", "thoughts": [{"summary": "", "content": "Leaves, mostly."}],
    }  # fmt: skip
    entry["mapping"]["a"]["parent"] = "t"
    path = tmp_path / "one.json"
    path.write_text(json.dumps([entry]))
    bring(runtime.database, path)
    (thread,) = runtime.threads.recent("local")
    at = open_page("chat", thread=thread.id)
    assert "Leaves, mostly." in words(at)
    assert "Reasoning and tools" in [one.label for one in at.expander]
    assert not [one for one in at.get("page_link") if "came about" in str(one.proto.label)]


def test_a_thread_is_exported_from_its_menu(open_page: OpenPage, runtime: Runtime) -> None:
    bring(runtime.database, FILES / "librechat.json")
    (thread,) = runtime.threads.recent("local")
    at = open_page("chat")
    checked(at.menu_button(key=f"menu_{thread.id}").click("export").run())
    assert [b.label for b in at.get("download_button")] == ["Download"]
    form = next(box for box in at.selectbox if str(box.key).startswith("thread_form"))
    assert list(form.options) == [kind.title for kind in KINDS.values()]
