"""The page Alerts: rules and budgets are made, changed, switched and removed; names are hostile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.alerts.rules import ThresholdRule
from analytics.alerts.store import rules, save_rule, set_rule_enabled
from analytics.alerts.templates import TEMPLATES
from analytics.budgets import budgets
from analytics.budgets.store import save
from analytics.queries import Filter
from bench.make_traffic import Traffic, write_traffic
from tests.pages.conftest import OpenPage, checked

HOSTILE = "![x](http://evil.example/p.png) **bold** $5 :red[x]"
SILENCE = {"kind": "no_data", "window_minutes": 60}


def stored(runtime: Runtime) -> tuple[Any, ...]:
    return runtime.queries.ask(lambda ask: rules(ask.reader), Filter())


def kept(runtime: Runtime) -> tuple[Any, ...]:
    return runtime.queries.ask(lambda ask: budgets(ask.reader), Filter())


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.error, *at.warning, *at.info, *at.success]
    return "\n".join(part.value for part in parts)


def test_a_quiet_page_says_so(open_page: OpenPage) -> None:
    shown = said(open_page("alerts"))
    assert "No rule is active, so nothing is watched." in shown
    assert "Nothing fires now" not in shown
    assert "No alert has begun or ended yet." in shown


def test_silence_is_good_news_only_while_a_rule_is_active(
    open_page: OpenPage, runtime: Runtime
) -> None:
    rule_id = save_rule(runtime.recorder, "Silence", SILENCE | {"window_minutes": 60})
    assert "Nothing fires now; 1 rule is active." in said(open_page("alerts"))
    set_rule_enabled(runtime.recorder, rule_id, False)
    at = open_page("alerts")
    assert "No rule is active, so nothing is watched." in said(at)
    checked(at.button(key="to_rules").click().run())
    assert at.session_state["alerts_tab"] == "Rules"


def test_a_usual_rule_is_added_with_one_click(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("alerts", alerts_tab="Rules")
    assert "No rule is active" in said(at)
    checked(at.button(key="template_Many runs fail").click().run())
    (rule,) = stored(runtime)
    assert (rule.name, rule.enabled, rule.definition) == (
        "Many runs fail",
        True,
        TEMPLATES["Many runs fail"],
    )
    assert not [b for b in at.button if b.key == "template_Many runs fail"]


def test_a_rule_is_written_with_the_form(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("alerts", alerts_tab="Rules")
    checked(at.button(key="new_rule").click().run())
    checked(at.text_input(key="name_new").set_value("Dear hour").run())
    checked(at.selectbox(key="metric_17_new").select("cost").run())
    at.number_input(key="limit_usd_new").set_value(2.5)
    at.selectbox(key="window_new").select(60)
    checked(at.button(key="save_new").click().run())
    (rule,) = stored(runtime)
    assert isinstance(rule.definition, ThresholdRule)
    asked = rule.definition
    assert (rule.name, asked.metric, asked.limit, asked.window_minutes) == (
        "Dear hour", "cost", 2.5, 60,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threshold", "burn_rate", "anomaly", "no_data"])
def test_every_kind_has_a_form_that_saves(open_page: OpenPage, runtime: Runtime, kind: str) -> None:
    at = open_page("alerts", alerts_tab="Rules")
    checked(at.button(key="new_rule").click().run())
    checked(at.text_input(key="name_new").set_value("Mine").run())
    checked(at.selectbox(key="kind_new").select(kind).run())
    checked(at.button(key="save_new").click().run())
    assert [rule.definition.kind for rule in stored(runtime)] == [kind]


def test_nonsense_is_named_by_field_and_nothing_is_saved(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("alerts", alerts_tab="Rules")
    checked(at.button(key="new_rule").click().run())
    checked(at.text_input(key="name_new").set_value("Mine").run())
    text = '{"kind": "threshold", "metric": "joy", "limit": -1}'
    checked(at.text_area(key="json_new").set_value(text).run())
    checked(at.button(key="save_json_new").click().run())
    (error,) = at.error
    assert "**metric**: there is no metric 'joy'" in error.value.replace("\\", "")
    assert "**limit**" in error.value
    checked(at.text_area(key="json_new").set_value("{").run())
    checked(at.button(key="save_json_new").click().run())
    assert "not JSON" in at.error[0].value
    assert stored(runtime) == ()


@pytest.mark.slow
def test_a_rule_is_edited_switched_off_and_deleted(open_page: OpenPage, runtime: Runtime) -> None:
    key = save_rule(runtime.recorder, "Silence", SILENCE)
    at = open_page("alerts", alerts_tab="Rules")
    checked(at.button(key=f"edit_{key}").click().run())
    checked(at.text_input(key=f"name_{key}").set_value("Quiet").run())
    checked(at.button(key=f"save_{key}").click().run())
    assert [rule.name for rule in stored(runtime)] == ["Quiet"]
    checked(at.toggle(key=f"on_{key}").set_value(False).run())
    assert [rule.enabled for rule in stored(runtime)] == [False]
    checked(at.button(key=f"delete_{key}").click().run())
    assert stored(runtime) == ()


@pytest.mark.slow
def test_a_preview_looks_at_the_last_days(open_page: OpenPage, runtime: Runtime) -> None:
    write_traffic(runtime.settings.path("analytics.db"), 30, Traffic(days=5))
    key = save_rule(
        runtime.recorder, "Any", {"kind": "threshold", "metric": "runs", "limit": 10_000}
    )
    at = open_page("alerts", alerts_tab="Rules")
    checked(at.button(key=f"edit_{key}").click().run())
    checked(at.button(key=f"preview_{key}").click().run())
    assert "would not have fired in the last 7 days" in said(at)


def test_what_fires_is_shown_and_its_name_is_only_text(
    open_page: OpenPage, runtime: Runtime
) -> None:
    save_rule(runtime.recorder, HOSTILE, SILENCE)
    runtime.alerts.round()
    at = open_page("alerts")
    (shown,) = at.warning
    assert "0 runs began" in shown.value
    assert "![" not in shown.value
    assert HOSTILE in shown.value.replace("\\", "").replace("\u2060", "")
    assert at.dataframe[0].value["Rule"].tolist() == [HOSTILE]


def test_the_banner_of_any_page_shows_what_fires(
    runtime: Runtime, new_navigation: None, tmp_path: Path
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "alerts.py").write_text("")
    entry = tmp_path / "entry.py"
    entry.write_text(
        """
import streamlit as st
from pages.components import session
from pages.components.alerts_banner import show_banner

def home() -> None:
    show_banner(session.runtime())

st.navigation([st.Page(home, default=True), st.Page("pages/alerts.py")]).run()
"""
    )
    at = checked(AppTest.from_file(str(entry)).run())
    assert not at.warning
    save_rule(runtime.recorder, HOSTILE, SILENCE)
    save_rule(runtime.recorder, "Only logged", SILENCE | {"channels": ["log"]})
    runtime.alerts.round()
    (shown,) = checked(at.run()).warning
    assert HOSTILE in shown.value.replace("\\", "").replace("\u2060", "")


def test_a_budget_is_made_and_its_use_shown(open_page: OpenPage, runtime: Runtime) -> None:
    write_traffic(runtime.settings.path("analytics.db"), 40, Traffic(days=0.001))
    at = open_page("alerts", alerts_tab="Budgets")
    assert "There is no budget" in said(at)
    checked(at.button(key="new_budget").click().run())
    checked(at.text_input(key="budget_name_new").set_value(HOSTILE).run())
    checked(at.selectbox(key="budget_kind_new").select("hard").run())
    checked(at.selectbox(key="budget_instead_new").select("local:extractive").run())
    at.number_input(key="budget_limit_new").set_value(0.001)
    checked(at.button(key="budget_save_new").click().run())
    (budget,) = kept(runtime)
    asked = budget.definition
    assert (budget.name, asked.scope, asked.kind, asked.on_exhausted) == (
        HOSTILE, "app", "hard", "local:extractive",
    )  # fmt: skip
    assert asked.limit_pusd == 10**9
    shown = said(at).replace("\\", "")
    assert "$0.001 a month for the whole app, then Built-in answerer answers." in shown
    assert "Used up. It starts again on" in shown
    assert "![x]" not in said(at)
    assert runtime.spending.check("local", None, "openai:gpt-4o-mini").refusal


@pytest.mark.slow
def test_a_budget_is_changed_switched_off_and_deleted(
    open_page: OpenPage, runtime: Runtime
) -> None:
    key = save(runtime.recorder, "Each", {"scope": "user", "limit_usd": "3", "kind": "soft"})
    at = open_page("alerts", alerts_tab="Budgets")
    checked(at.button(key=f"budget_edit_{key}").click().run())
    checked(at.text_input(key=f"budget_name_{key}").set_value("").run())
    checked(at.button(key=f"budget_save_{key}").click().run())
    assert "give it a name" in at.error[0].value
    checked(at.text_input(key=f"budget_name_{key}").set_value("People").run())
    checked(at.button(key=f"budget_save_{key}").click().run())
    assert [(b.name, b.definition.scope) for b in kept(runtime)] == [("People", "user")]
    checked(at.toggle(key=f"budget_on_{key}").set_value(False).run())
    assert [b.enabled for b in kept(runtime)] == [False]
    checked(at.button(key=f"budget_delete_{key}").click().run())
    assert kept(runtime) == ()


def test_a_broken_database_is_named_and_the_page_stands(
    open_page: OpenPage, runtime: Runtime
) -> None:
    runtime.recorder.write(
        lambda c: c.exec_driver_sql("ALTER TABLE alert_rule RENAME COLUMN definition TO d")
    )
    at = open_page("alerts", alerts_tab="Rules")
    assert len(at.error) == 1
    assert "Chat goes on" in said(at)
