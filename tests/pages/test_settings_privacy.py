"""Settings, privacy and prices: what is shown, what is deleted, what is priced again."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from agents.identity.owners import MAX_OWNER
from agents.runtime import Runtime
from analytics.content import Said
from analytics.schema import content, llm_call, run
from core.catalog import load_catalog
from core.settings import Settings
from tests.analytics.scripts import meta, simple_run
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

NAME = "ann*_[$x]"


def play(runtime: Runtime, run_id: str, user: str = NAME) -> None:
    at_us = time.time_ns() // 1000 - 3_600_000_000
    of = replace(meta(run_id), started_at_us=at_us, user_id=user, content_mode="full")
    _, events = simple_run(of, price_id="made up", cost_pusd=10)
    for event in events[:-1]:
        runtime.recorder.observe(of, event)
    runtime.recorder.observe(of, events[-1], [Said("question", "", lambda: "Q?")])
    assert runtime.recorder.flush()


def tables(at: AppTest) -> str:
    return "\n".join(table.value.to_csv() for table in at.table)


def said(at: AppTest) -> str:
    return "\n".join(str(e.value) for e in (*at.markdown, *at.caption, *at.success, *at.info, *at.error))  # fmt: skip


def stored(runtime: Runtime, column: object) -> list[object]:
    return runtime.recorder.write(lambda c: list(c.execute(select(column)).scalars()))  # type: ignore[call-overload]


def test_what_is_kept_and_for_how_long_is_said_with_the_settings(
    open_page: OpenPage, runtime: Runtime
) -> None:
    play(runtime, "r1")
    at = open_page("settings")
    shown = tables(at)
    assert "1 full (of runs: 1)" in shown
    days = next(table.value["Days"] for table in at.table if "Days" in table.value)
    assert list(days) == ["30", "3,650", "3,650"]
    named = re.findall(r"SWITCHBOARD_(KEEP_\w+_DAYS)", said(at) + shown)
    assert sorted(named) == ["KEEP_CONTENT_DAYS", "KEEP_FIGURES_DAYS", "KEEP_ROWS_DAYS"]
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    assert "Off: nothing is kept." in said(at)
    assert "the first round since the start is to come" in said(at)


def test_the_last_cleaning_is_said(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.janitor.pause_s = 0
    runtime.janitor.run_once()
    assert "nothing was too old" in said(open_page("settings"))


def test_an_empty_installation_has_both_sections(open_page: OpenPage) -> None:
    at = open_page("settings")
    assert {"Privacy", "Past calls at today's prices"} <= {head.value for head in at.subheader}
    assert "none" in tables(at)


def test_kept_words_are_deleted_after_a_confirmation_only(
    open_page: OpenPage, runtime: Runtime
) -> None:
    play(runtime, "r1")
    at = open_page("settings")
    assert at.button(key="delete_content").disabled
    checked(at.checkbox(key="delete_content_sure").check().run())
    checked(at.button(key="delete_content").click().run())
    assert "Texts deleted: 1." in said(at)
    assert stored(runtime, content.c.run_id) == []
    assert stored(runtime, run.c.user_id) == [NAME]


def test_a_person_is_erased_after_a_confirmation_only(
    open_page: OpenPage, runtime: Runtime
) -> None:
    play(runtime, "r1")
    play(runtime, "r2", "bob")
    at = open_page("settings")
    assert at.text_input(key="erase_person").max_chars == MAX_OWNER  # or some could not be named
    checked(at.text_input(key="erase_person").input(f" {NAME} ").run())
    assert at.button(key="erase_person_now").disabled
    checked(at.checkbox(key="erase_person_sure").check().run())
    checked(at.button(key="erase_person_now").click().run())
    assert "Runs without a name now: 1. Deleted: conversations 0; kept texts 1;" in said(at)
    assert set(stored(runtime, run.c.user_id)) == {None, "bob"}
    assert stored(runtime, content.c.run_id) == ["r2"]
    assert not at.checkbox(key="erase_person_sure").value
    checked(at.checkbox(key="erase_person_sure").check().run())
    checked(at.text_input(key="erase_person").input("bob").run())
    assert not at.checkbox(key="erase_person_sure").value, "it was meant for another person"
    assert at.button(key="erase_person_now").disabled


def test_somebody_unknown_is_said(open_page: OpenPage) -> None:
    at = open_page("settings")
    checked(at.text_input(key="erase_person").input("nobody").run())
    checked(at.checkbox(key="erase_person_sure").check().run())
    checked(at.button(key="erase_person_now").click().run())
    assert "There was nothing of this person" in said(at)


def test_without_a_name_nobody_can_be_erased(open_page: OpenPage) -> None:
    at = open_page("settings")
    checked(at.checkbox(key="erase_person_sure").check().run())
    assert at.button(key="erase_person_now").disabled


def test_past_calls_are_previewed_applied_and_undone(open_page: OpenPage, runtime: Runtime) -> None:
    play(runtime, "r1")
    before = stored(runtime, llm_call.c.cost_pusd)
    at = open_page("settings")
    checked(at.button(key="repricing_look").click().run())
    assert "Of 1 calls, **1 would change**" in said(at)
    assert "GPT\\-4o mini,1,0," in tables(at)
    assert stored(runtime, llm_call.c.cost_pusd) == before
    checked(at.button(key="repricing_apply").click().run())
    assert "1 calls have today's prices now." in said(at)
    assert stored(runtime, llm_call.c.cost_pusd) != before
    checked(at.button(key="repricing_look").click().run())
    assert "all have today's prices" in said(at)
    assert "applied" in tables(at)
    checked(at.button(key="repricing_undo").click().run())
    assert "undone" in tables(at)
    assert stored(runtime, llm_call.c.cost_pusd) == before
    assert not [button for button in at.button if button.key == "repricing_undo"]


@pytest.mark.parametrize(
    ("days", "changed"), [("Last 7 days", "all have"), ("All time", "1 would")]
)
def test_the_period_is_respected(
    open_page: OpenPage, runtime: Runtime, days: str, changed: str
) -> None:
    at_us = time.time_ns() // 1000 - 20 * 86_400_000_000
    of = replace(meta("old"), user_id="bob", started_at_us=at_us)
    _, events = simple_run(of, price_id="made up", cost_input_pusd=1)
    for event in events:
        runtime.recorder.observe(of, event)
    assert runtime.recorder.flush()
    runtime.catalog = load_catalog()
    at = open_page("settings")
    checked(at.selectbox(key="repricing_period").select(days).run())
    checked(at.button(key="repricing_look").click().run())
    assert changed in said(at)
