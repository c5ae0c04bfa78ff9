"""Preferences: the tab that keeps them, and the chat that goes by them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import insert
from streamlit.testing.v1 import AppTest

from agents.preferences import DEFAULTS, Preferences
from agents.run import TurnRequest
from agents.runtime import Runtime
from agents.tables import preference
from pages.components.answer_shown import moment
from tests.pages.conftest import ENTRY, OpenPage, checked

pytestmark = pytest.mark.slow

DAY_US = 86_400_000_000
NOTE = "Answer *briefly*, ![x](https://evil.example/x.png) $1 :red[now]"


def to_settings(at: AppTest) -> AppTest:
    at.switch_page("pages/settings.py")
    return checked(at.run())


def to_chat(at: AppTest, thread: str | None = None) -> AppTest:
    at.switch_page("pages/chat.py")
    at.query_params.clear()
    if thread:
        at.query_params["thread"] = thread
    return checked(at.run())


def upload(at: AppTest, **values: Any) -> AppTest:
    whole = {"format": "switchboard-preferences", "version": 1, "preferences": values}
    at.file_uploader(key="import_preferences_0").upload(
        "p.json", json.dumps(whole).encode(), "application/json"
    )
    return checked(at.run())


def asked(runtime: Runtime, at: AppTest) -> TurnRequest:
    """What the chat asked last."""
    at.chat_input[0].set_value("What is Switchboard?")
    checked(at.run())
    thread = runtime.threads.recent("local")[0]
    run = runtime.runs.get(runtime.threads.messages(thread.id, "local")[-1].run_id)
    assert run is not None
    return run.request


def test_every_choice_is_saved_when_it_is_made(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("settings")
    at.selectbox(key="default_agent").select("react")
    at.toggle(key="default_streaming").set_value(False)
    at.toggle(key="default_set_temperature").set_value(True)
    checked(at.run())
    at.slider(key="default_temperature").set_value(1.5)
    at.text_area(key="default_note").set_value(NOTE)
    at.selectbox(key="default_timezone").select("Asia/Tokyo")
    at.pills(key="default_facts").set_value(["cost", "model"])
    at.toggle(key="default_steps").set_value(False)
    checked(at.run())
    kept = runtime.preferences.load("local")
    assert kept == Preferences(
        agent="react",
        streaming=False,
        temperature=1.5,
        note=NOTE,
        timezone="Asia/Tokyo",
        facts=("model", "cost"),
        steps=False,
    )
    again = open_page("settings")
    assert again.text_area(key="default_note").value == NOTE
    assert again.slider(key="default_temperature").value == 1.5


def test_what_is_stored_and_has_gone_is_shown_as_automatic(
    open_page: OpenPage, runtime: Runtime
) -> None:
    rows = [
        {"owner": "local", "name": "model", "value": "openai:gone"},
        {"owner": "local", "name": "agent", "value": "no such graph"},
        {"owner": "local", "name": "timezone", "value": ["Mars"]},
    ]
    with runtime.database.write() as connection:
        connection.execute(insert(preference), rows)
    at = open_page("settings")
    assert at.selectbox(key="default_model").value == ""
    assert at.selectbox(key="default_agent").value == "supervisor"
    assert any("is not configured here" in c.value for c in at.caption)
    assert to_chat(at).selectbox(key="model").value == ""


def test_the_chat_starts_from_the_preferences(open_page: OpenPage, runtime: Runtime) -> None:
    kept = Preferences(
        agent="supervisor/policy", streaming=False, temperature=0.9, note="Be brief."
    )
    runtime.preferences.replace("local", kept)
    request = asked(runtime, open_page("chat"))
    assert (request.agent, request.stream) == ("policy", False)
    assert (request.temperature, request.note) == (0.9, "Be brief.")


def test_a_choice_in_the_chat_holds_for_the_tab_and_is_not_saved(
    open_page: OpenPage, runtime: Runtime
) -> None:
    runtime.preferences.set("local", "note", "Be brief.")
    at = open_page("chat")
    at.selectbox(key="agent").select("react")
    at.toggle(key="chat_set_temperature").set_value(True)
    checked(at.run())
    at.slider(key="chat_temperature").set_value(1.1)
    at.toggle(key="send_note").set_value(False)
    checked(at.run())
    to_chat(to_settings(at))
    request = asked(runtime, at)
    assert (request.graph, request.temperature, request.note) == ("react", 1.1, None)
    assert runtime.preferences.load("local") == Preferences(note="Be brief.")
    assert open_page("chat").selectbox(key="agent").value == "supervisor"


def test_choices_can_be_made_the_default_or_given_up(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("chat")
    assert not any(b.key == "options_default" for b in at.button)
    at.selectbox(key="agent").select("react")
    checked(at.run())
    checked(at.button(key="options_default").click().run())
    assert runtime.preferences.load("local") == Preferences(agent="react")
    at.toggle(key="streaming").set_value(False)
    checked(at.run())
    checked(at.button(key="options_forget").click().run())
    assert at.toggle(key="streaming").value is True
    assert at.selectbox(key="agent").value == "react"


def test_a_preference_changed_elsewhere_reaches_a_tab_that_chose_nothing(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("chat")
    runtime.preferences.set("local", "agent", "react")
    assert checked(at.run()).selectbox(key="agent").value == "react"


def test_answers_show_what_the_person_wants_to_see(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("chat")
    asked(runtime, at)
    thread = runtime.threads.recent("local")[0].id
    answer = to_chat(at, thread).chat_message[1]
    assert "tokens in" in answer.caption[0].value
    assert [e.label.split(" ")[0] for e in answer.expander] == ["Sources", "Steps"]
    runtime.preferences.save(
        "local", {"facts": ["agent", "total"], "sources": False, "steps": False, "run_link": False}
    )
    answer = to_chat(at, thread).chat_message[1]
    assert answer.caption[0].value.startswith("**General** · total ")
    assert "first token" not in answer.caption[0].value
    assert len(answer.expander) == 0
    runtime.preferences.save("local", {"facts": []})
    answer = to_chat(at, thread).chat_message[1]
    assert not any("total" in caption.value for caption in answer.caption)


def test_times_are_those_of_the_persons_zone() -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    at_us, tokyo = int(now.timestamp() * 1e6), ZoneInfo("Asia/Tokyo")
    assert moment(at_us, tokyo, now=now) == "21:00"
    assert moment(at_us, ZoneInfo("Europe/Paris"), now=now) == "14:00"
    assert moment(at_us - DAY_US, tokyo, now=now) == "28 Mar, 21:00"
    assert moment(at_us - 400 * DAY_US, tokyo, now=now) == "22 Feb 2025, 21:00"


def test_a_file_is_shown_before_it_changes_anything(open_page: OpenPage, runtime: Runtime) -> None:
    at = upload(open_page("settings"), agent="react", note=NOTE, owner="*bob*", temperature=5)
    assert runtime.preferences.load("local") == DEFAULTS
    said = " ".join(warning.value for warning in at.warning)
    assert "left out: owner." in said
    assert "Temperature: The temperature is not a number from 0 to 2" in said
    table = next(m.value for m in at.markdown if m.value.startswith("| Preference"))
    assert "| Agent | supervisor | react |" in table
    assert "!\\[x\\]" in table
    assert at.button(key="import_preferences").label == "Change 2 preferences"
    checked(at.button(key="import_preferences").click().run())
    assert runtime.preferences.load("local") == Preferences(agent="react", note=NOTE)
    assert at.text_area(key="default_note").value == NOTE


def test_unknown_names_of_a_file_are_shown_as_text(open_page: OpenPage) -> None:
    names = {"![x](https://evil.example/x)": 1, "a" * 500: 2, "<script>": 3}
    said = upload(open_page("settings"), **names).warning[0].value
    assert "!\\[x\\]" in said
    assert "\\<script\\>" in said
    assert "a" * 61 not in said


def test_a_file_that_is_none_is_a_sentence(open_page: OpenPage) -> None:
    at = open_page("settings")
    at.file_uploader(key="import_preferences_0").upload("p.json", b"{", "application/json")
    assert "it is not JSON" in checked(at.run()).error[0].value.replace("\\", "")


def test_reset_shows_and_keeps_the_defaults(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.preferences.replace("local", Preferences(agent="react", note="Hm.", temperature=2))
    at = open_page("settings")
    checked(at.button(key="reset_preferences").click().run())
    assert runtime.preferences.load("local") == DEFAULTS
    assert at.selectbox(key="default_agent").value == "supervisor"
    assert at.text_area(key="default_note").value == ""


@pytest.mark.parametrize("zone", ["Mars/Phobos", "../../etc/passwd"])
def test_a_zone_a_browser_made_up_is_not_used(
    runtime: Runtime, new_navigation: None, zone: str
) -> None:
    at = AppTest.from_file(str(ENTRY), default_timeout=20)
    at.context["timezone"] = zone
    at.run()
    asked(runtime, at)
    facts = next(c.value for c in at.chat_message[1].caption if "total" in c.value)
    assert facts[-3] == ":"
