"""Who is shown what, and that what was lost while a page stood there does nothing any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import TurnRequest
from analytics.queries import Filter
from core.errors import Forbidden
from core.identity import LOCAL, Principal
from pages.components import session
from pages.components.run_reading import OTHERS
from tests.pages.conftest import OpenPage, checked
from tests.pages.people import ADA, ANN, BOB, MARK, NAN, Team, leave_behind, sent

pytestmark = pytest.mark.slow

PAGES = Path(__file__).parents[2] / "pages"
FORBIDDEN = "Your account has no right to this."
EVERY_PAGE: tuple[tuple[str, dict[str, str]], ...] = (
    ("chat", {}),
    ("inbox", {}),
    ("threads", {}),
    ("threads", {"q": "walnuts"}),
    ("compare", {}),
    ("evaluations", {}),
    ("leaderboard", {}),
    *(
        ("dashboard", {"tab": tab, "range": "all"})
        for tab in (
            "overview", "latency", "cost", "reliability", "agents", "retrieval", "users",
            "quality", "runs",
        )
    ),
    ("run", {}),
    *(("reports", {"reports_tab": tab}) for tab in ("Make a report", "Kept reports", "Export rows")),
    *(("alerts", {"alerts_tab": tab}) for tab in ("Now", "Rules", "Budgets")),
    *(
        ("settings", {"settings_tab": tab})
        for tab in ("Preferences", "Account", "API keys", "People", "Audit log", "Models", "Prompts",
                    "Prices", "Knowledge", "Chats", "Data", "Privacy", "Import", "Health")
    ),
)  # fmt: skip


def errors(at: AppTest) -> list[str]:
    return [str(one.value).replace("\\", "") for one in at.error]


# -- pages and sections


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "query", "may"),
    [
        ("chat", {}, {ANN, NAN, ADA}),
        ("leaderboard", {}, {ANN, NAN, ADA}),
        ("dashboard", {}, {ANN, NAN, ADA}),
        ("alerts", {}, {ANN, NAN, ADA}),
        ("reports", {}, {NAN, ADA}),
        ("settings", {"settings_tab": "Privacy"}, {ANN, NAN, ADA}),
        ("settings", {"settings_tab": "Prices"}, {ADA}),
        ("settings", {"settings_tab": "Data"}, {ADA}),
        ("settings", {"settings_tab": "Import"}, {ADA}),
        ("settings", {"settings_tab": "Health"}, {ADA}),
        ("settings", {"settings_tab": "People"}, {ADA}),
        ("settings", {"settings_tab": "Audit log"}, {ADA}),
    ],
)
def test_a_deep_link_without_the_right_says_so(
    open_as: OpenPage, page: str, query: dict[str, str], may: set[str]
) -> None:
    for login in (ANN, NAN, ADA):
        said = errors(open_as(login, page, **query))
        assert any(FORBIDDEN in one for one in said) == (login not in may), login


@pytest.mark.slow
def test_sections_and_tabs_are_offered_by_right(open_as: OpenPage) -> None:
    def tabs(login: str) -> set[str]:
        return {tab.label for tab in open_as(login, "settings").tabs}

    assert tabs(ADA) - tabs(ANN) == {"Prices", "Data", "Import", "Health", "People", "Audit log"}
    assert tabs(NAN) == tabs(ANN)
    for login, offered in ((ANN, False), (NAN, True)):
        at = open_as(login, "dashboard", tab="users")
        assert ("Users" in at.session_state["tab"].title()) == offered
        assert bool([one for one in at.multiselect if one.label == "User"]) == offered
    assert [one.value for one in open_as(ANN, "alerts").title] == ["Budgets"]
    assert [one.value for one in open_as(NAN, "alerts").title] == ["Alerts"]


@pytest.mark.slow
def test_who_sees_one_person_is_told_nothing_about_how_many_there_are(
    open_as: OpenPage, team: Team
) -> None:
    """A user read "Users 1", and could ask which user made the difference."""
    for login, expected in ((ANN, False), (NAN, True)):
        for _ in team.runtime.start(TurnRequest(text="Hello", owner=login)).follow():
            pass
        team.runtime.recorder.flush()
        at = open_as(login, "dashboard", range="24h")
        assert ("Users" in [one.label for one in at.metric]) == expected
        (kinds,) = [one for one in at.button_group if one.key == "changed_by"]
        assert ("Users" in kinds.options) == expected


@pytest.mark.slow
def test_analysts_read_rules_and_budgets_and_change_none(open_as: OpenPage, team: Team) -> None:
    for tab in ("Rules", "Budgets"):
        labels = {one.label for one in open_as(NAN, "alerts", alerts_tab=tab).button}
        assert not labels & {"New rule", "New budget", "Edit", "Delete rule", "Delete budget"}
        assert {one.label for one in open_as(ADA, "alerts", alerts_tab=tab).button} & {
            "New rule",
            "New budget",
        }


@pytest.mark.slow
def test_a_demoted_administrator_does_nothing_with_a_page_that_still_stands(
    open_as: OpenPage, team: Team
) -> None:
    at = open_as(ADA, "alerts", alerts_tab="Rules")
    (template, *_) = [one for one in at.button if str(one.key).startswith("template_")]
    team.runtime.identity.accounts.add(
        "second", role="admin", password="eleven lamps beside the sea"
    )
    team.runtime.identity.accounts.set_role(ADA, "user")
    team.tokens[ADA] = team.runtime.identity.accounts.log_in(ADA, "four horses and a lantern")
    checked(template.click().run())
    rows = team.runtime.recorder.write(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM alert_rule").scalar()
    )
    assert rows == 0


def test_a_callback_without_the_right_does_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(session, "keep_notice", said.append)
    monkeypatch.setattr(session, "principal", lambda: Principal(owner="bob", name="Bob"))
    done: list[int] = []
    act = session.needs("settings")(done.append)
    act(1)
    assert done == []
    assert isinstance(said[0], Forbidden)
    monkeypatch.setattr(session, "principal", lambda: LOCAL)
    act(2)
    assert done == [2]


# -- what everybody may do with their own


@pytest.mark.slow
def test_a_user_erases_their_own_and_nobody_elses(open_as: OpenPage, team: Team) -> None:
    leave_behind(team.runtime, ANN)
    at = open_as(BOB, "settings", settings_tab="Privacy")
    assert not [one for one in at.text_input if one.key == "erase_person"]
    at.session_state["_erase_person"] = ANN  # as if the widget's value had been forged
    checked(at.run())
    assert any(FORBIDDEN in one for one in errors(at))
    assert team.runtime.threads.recent(ANN)

    at = open_as(ANN, "settings", settings_tab="Privacy")
    at.checkbox(key="erase_person_sure").check().run()
    checked(at.button(key="erase_person_now").click().run())
    assert team.runtime.threads.recent(ANN) == []
    deeds = team.runtime.identity.audit.page(action="person_erased").deeds
    assert [one.who for one in deeds]
    at = open_as(ADA, "settings", settings_tab="Privacy")
    assert [one for one in at.text_input if one.key == "erase_person"]


@pytest.mark.slow
def test_an_administrator_removes_an_account_and_the_audit_log_names_it_no_more(
    open_as: OpenPage, team: Team
) -> None:
    """The page could not remove an account, and its own row of the audit log kept the name."""
    at = open_as(ADA, "settings", settings_tab="Privacy")
    at.text_input(key="erase_person").input(ADA).run()
    assert at.checkbox(key="erase_account").disabled
    at.text_input(key="erase_person").input(ANN).run()
    at.checkbox(key="erase_account").check().run()
    at.checkbox(key="erase_person_sure").check().run()
    checked(at.button(key="erase_person_now").click().run())
    identity = team.runtime.identity
    assert ANN not in {one.login for one in identity.accounts.all()}
    deeds = identity.audit.page().deeds
    assert {"person_erased", "account_deleted"} <= {one.action for one in deeds}
    assert [one for one in deeds if ANN in f"{one.who} {one.target} {one.detail}"] == []


@pytest.mark.slow
def test_the_newest_runs_are_those_that_open(open_as: OpenPage, team: Team) -> None:
    """Analysts were offered the runs of others, none of which opened."""
    runs = {name: team.runtime.start(TurnRequest(text="Hello", owner=name)) for name in (ANN, NAN)}
    for run in runs.values():
        for _ in run.follow():
            pass
    team.runtime.recorder.flush()
    at = open_as(NAN, "run")
    offered = [one.key for one in at.button if str(one.key).startswith("newest_")]
    assert offered == [f"newest_{runs[NAN].id}"]
    assert OTHERS in [one.value for one in open_as(NAN, "run", id=runs[ANN].id).caption]


@pytest.mark.slow
def test_nothing_of_one_person_is_on_any_page_of_another(open_as: OpenPage, team: Team) -> None:
    left = leave_behind(team.runtime, ANN)
    run = team.runtime.start(TurnRequest(text="Hello", owner=BOB))
    for _ in run.follow():
        pass
    asked = (
        *EVERY_PAGE,
        ("chat", {"thread": left.thread_id}),
        ("run", {"id": left.run_id}),
        ("compare", {"id": left.comparison_id}),
        ("compare", {"comparison": left.comparison_id}),
        ("evaluations", {"id": left.evaluation_id}),
        ("evaluations", {"evaluation": left.evaluation_id}),
        ("dashboard", {"tab": "runs", "range": "all", "user": ANN}),
    )
    shown_to_ann = b""
    for page, query in asked:
        everything = sent(open_as(BOB, page, **query))
        given = str(query).lower().encode()
        for word in (MARK, ANN):
            if word.encode() not in given:
                assert word.encode() not in everything, (page, query, word)
    for page, query in asked[:30]:
        shown_to_ann += sent(open_as(ANN, page, **query))
    for word in (" and walnuts", "-tag", " pair", " view", " set", " round"):
        assert f"{MARK}{word}".encode() in shown_to_ann, word


@pytest.mark.slow
def test_analysts_see_figures_of_others_and_not_a_word(open_as: OpenPage, team: Team) -> None:
    left = leave_behind(team.runtime, ANN)
    for page, query in (
        *EVERY_PAGE,
        ("run", {"id": left.run_id}),
        ("chat", {"thread": left.thread_id}),
    ):
        assert MARK.encode() not in sent(open_as(NAN, page, **query)), (page, query)
    assert ANN.encode() in sent(open_as(NAN, "dashboard", tab="users", range="all"))


@pytest.mark.slow
def test_the_agents_tell_a_user_about_their_own_runs_only(team: Team) -> None:
    leave_behind(team.runtime, ANN)
    runtime = team.runtime
    own = runtime.figures(team.principal(BOB)).kpis(Filter(range="all")).current.runs
    every = runtime.figures(team.principal(NAN)).kpis(Filter(range="all")).current.runs
    assert own == 0
    assert every > 3


# -- the code itself


def calls_in(path: Path) -> Iterator[ast.Attribute]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node


def test_pages_have_no_way_to_figures_but_the_readers_own() -> None:
    """`session.figures()` asks for the right; the runtime's own door sees everybody."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in PAGES.rglob("*.py")
        for node in calls_in(path)
        if node.attr == "queries"
        or (node.attr == "votes" and isinstance(node.value, ast.Attribute) and _reads(path, node))
    ]
    assert found == []


def _reads(path: Path, node: ast.Attribute) -> bool:
    """Whether votes are read, not cast, imported or taken back."""
    line = path.read_text("utf-8").splitlines()[node.lineno - 1]
    return any(f"votes.{name}(" in line for name in ("ballots", "sources", "times_to_vote"))


def test_what_pages_change_for_everybody_asks_for_a_right() -> None:
    """Every function of a page that writes what people share says which right it needs."""
    unguarded = []
    for path in PAGES.rglob("*.py"):
        for one in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = ast.unparse(one) if isinstance(one, ast.FunctionDef) else ""
            guarded = any(f"session.{how}(" in text for how in ("needs", "require", "demand"))
            if any(call in text for call in CHANGES) and not guarded:
                unguarded.append(f"{path.stem}.{one.name}")  # type: ignore[attr-defined]
    assert sorted(unguarded) == sorted(OWN)


CHANGES = (
    "runtime.recorder.write(", "runtime.recorder.change", "(runtime.recorder,", "imports.start",
    "imports.stop", "exports.start(", "exports.stop(", "exports.forget(", "exports.delete(",
    "reports.make(", "reports.delete(", "prompts.save(", "prompts.retire(", "prompts.restore(",
    "use_catalog(", "knowledge.sync(", "add_import(", "delete_import(", "judging.start(",
    "judging.stop(", "erase_person(", "delete_kept_content(",
)  # fmt: skip
OWN = [
    "dashboard_views._write",  # of views and notes: its callers ask
    "import_prices._change",  # both callers are guarded
    "settings_knowledge.work",  # inside of what asks
]
