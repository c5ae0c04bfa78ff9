"""Settings, prompts: what ships is shown, a version is made and retired, and nothing is changed."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from agents import prompts
from agents.run import TurnRequest
from agents.runtime import Runtime
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

HOSTILE = "<b>$1$ :red[x] ![y](http://evil.example/z.png)"


def said(at: AppTest) -> str:
    parts = (*at.markdown, *at.caption, *at.error, *(box for box in at.expander))
    return "\n".join(str(getattr(part, "value", None) or part.label) for part in parts)


def codes(at: AppTest) -> list[str]:
    return [code.value for code in at.code]


def edit(at: AppTest, **texts: str) -> AppTest:
    """The form of a new version, filled in."""
    checked(at.button(key="prompts_new").click().run())
    for prompt, text in texts.items():
        area = next(a for a in at.text_area if a.key.startswith(f"prompt_{prompt}_"))
        area.set_value(text)
    return checked(at.run())


def save(at: AppTest, name: str, note: str = "") -> AppTest:
    at.text_input(key="prompts_name").set_value(name)
    at.text_input(key="prompts_note").set_value(note)
    return checked(at.button(key="prompts_save").click().run())


def test_the_shipped_prompts_are_shown_and_cannot_be_changed(open_page: OpenPage) -> None:
    at = open_page("settings")
    assert {prompts.load(name) for name in prompts.TITLES} <= set(codes(at))
    assert not [area for area in at.text_area if area.key.startswith("prompt_")]
    assert not [button for button in at.button if button.key == "prompts_retire"]


def test_a_version_is_made_shown_and_chosen(open_page: OpenPage, runtime: Runtime) -> None:
    at = save(edit(open_page("settings"), technical="Be brief."), "short", "Less to read.")
    saved = runtime.prompts.get("short")
    assert (dict(saved.texts), saved.note) == ({"technical": "Be brief."}, "Less to read.")
    assert at.selectbox(key="prompts_shown").value == "short"
    assert "replaces 1 of 10 prompts" in said(at)
    assert "Be brief." in codes(at)
    heads = [box.label for box in at.expander if box.label.startswith(("Technical", "Billing"))]
    assert heads == ["Technical agent · **changed**", "Billing agent"]


def test_what_changed_is_marked_while_one_writes(open_page: OpenPage) -> None:
    at = edit(open_page("settings"), general=prompts.load("general").replace("first", "last"))
    assert "What changed against the prompt that ships" in said(at)
    assert ":red-background[~~first~~]:green-background[**last**]" in said(at)


def test_a_version_is_derived_from_a_version(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.prompts.save("v1", {"technical": "Be brief."})
    at = open_page("settings")
    checked(at.selectbox(key="prompts_shown").select("v1").run())
    save(edit(at, technical="Be very brief."), "v2")
    made = runtime.prompts.get("v2")
    assert (made.base, dict(made.texts)) == ("v1", {"technical": "Be very brief."})


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("", "Be brief.", "1 to 60 printable characters"),
        ("taken", "Be brief.", "with other texts already"),
        ("new", prompts.load("technical"), "Every text is as it ships"),
    ],
)
def test_what_cannot_be_saved_is_said_and_the_texts_stay(
    open_page: OpenPage, runtime: Runtime, name: str, text: str, problem: str
) -> None:
    taken = runtime.prompts.save("taken", {"answer": "Other."})
    at = save(edit(open_page("settings"), technical=text), name)
    assert problem.replace("-", "\\-") in at.error[0].value
    assert next(a for a in at.text_area if a.key.startswith("prompt_technical_")).value == text
    assert runtime.prompts.list() == (taken,)
    assert not checked(at.run()).error


def test_cancelling_keeps_nothing(open_page: OpenPage, runtime: Runtime) -> None:
    at = edit(open_page("settings"), technical="Be brief.")
    checked(at.button(key="prompts_cancel").click().run())
    assert runtime.prompts.list() == ()
    assert "Be brief." not in codes(at)
    at = edit(at)
    area = next(a for a in at.text_area if a.key.startswith("prompt_technical_"))
    assert area.value == prompts.load("technical")


def test_a_version_is_retired_and_offered_again(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.prompts.save("v1", {"technical": "Be brief."})
    at = open_page("settings")
    checked(at.selectbox(key="prompts_shown").select("v1").run())
    checked(at.button(key="prompts_retire").click().run())
    assert runtime.prompts.list() == ()
    assert "v1 (retired)" in at.selectbox(key="prompts_shown").options
    checked(at.button(key="prompts_retire").click().run())
    assert [version.name for version in runtime.prompts.list()] == ["v1"]


def test_texts_of_people_are_shown_as_they_are(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.prompts.save(HOSTILE, {"technical": HOSTILE}, note=HOSTILE)
    runtime.prompts.save("v2", {"technical": "Be brief."}, base=HOSTILE)
    at = open_page("settings")
    for name in (HOSTILE, "v2"):
        checked(at.selectbox(key="prompts_shown").select(name).run())
        for active in ("<b>", "$1$", ":red[", "!["):
            assert active not in said(at), (name, active)


def test_the_run_page_says_what_was_asked_for(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.prompts.save(HOSTILE, {"technical": "Be brief."})
    asked = TurnRequest(
        text="What is it?", agent="technical", retrieval="cag", prompt=HOSTILE, temperature=0.5
    )
    usual = TurnRequest(text="What is it?")
    lines = []
    for request in (asked, usual):
        run = runtime.start(request)
        for _ in run.follow():
            pass
        at = open_page("run", id=run.id)
        found = [c.value.replace("\u2060", "") for c in at.caption]
        lines.append([text for text in found if text.startswith("Asked for")])
    assert lines == [
        [
            "Asked for: retrieval whole documents · prompts "
            r"\<b\>\$1\$ \:red\[x\] \!\[y\]\(http\://evil\.example/z\.png\) · temperature 0.5"
        ],
        [],
    ]
