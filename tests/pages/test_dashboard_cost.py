"""The tabs Cost and Reliability in process: their figures, their words, their charts' options."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.budgets import BudgetDefinition
from analytics.metrics import Known, Rate
from analytics.queries import Filter
from analytics.queries.cost import spending
from analytics.queries.cost_month import Month
from analytics.queries.reliability import RateSeries, StatusGrid, stops, trouble
from analytics.timeaxis import Bucket
from bench.make_traffic import Traffic, write_traffic
from core.pricing import format_usd
from pages.components.charts_axes import PERCENT
from pages.components.dashboard_cost import tiles as cost_tiles
from pages.components.dashboard_cost_month import _option as month_option
from pages.components.dashboard_cost_month import filtered
from pages.components.dashboard_cost_parts import Stack, band, rows
from pages.components.dashboard_reliability_rates import rate_option, status_option
from pages.components.format import share
from tests.pages.conftest import OpenPage, checked
from tests.traffic import copy_traffic

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

UTC = ZoneInfo("UTC")
HOUR_US = 3_600_000_000
HOSTILE = "**bold** [x](http://evil) $1$ :red[y] <b>"


@pytest.fixture
def traffic(data_dir: Path) -> Path:
    """A database with some hours of traffic."""
    data_dir.mkdir(parents=True)
    path = data_dir / "analytics.db"
    copy_traffic(path, 150, seed=3, days=0.9)
    return path


@pytest.fixture
def quiet(traffic: Path) -> None:
    """The same traffic without its failures, in a database made anew."""
    traffic.unlink()
    write_traffic(traffic, 3, Traffic(seed=1, days=0.2))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value.replace("\\", "") for metric in app.metric}


def words(app: AppTest) -> str:
    """All text of the page, without Markdown's escapes."""
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.success]
    return " ".join(part.value for part in parts).replace("\\", "")


def hours(n: int) -> tuple[Bucket, ...]:
    return tuple(
        Bucket(start_us=k * HOUR_US, end_us=(k + 1) * HOUR_US, partial=k == n - 1) for k in range(n)
    )


# -- the pages


def test_the_cost_tab_shows_the_figures_of_the_queries(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", tab="cost", range="7d")
    found = runtime.queries.ask(spending, Filter(range="7d")).current
    shown = metrics(app)
    assert shown["Cost"] == f":small[at least] {format_usd(found.cost.value)}"
    assert (
        shown["Cost per successful run"]
        == f":small[at least] {format_usd(round(found.per_success or 0))}"
    )
    assert found.cost.missing > 0
    text = words(app)
    assert f"{found.cost.missing} of them unpriced" in text
    assert "no forecast" in text or "forecast $" in text
    assert "The most expensive 10 %" in text


def test_tokens_after_stop_are_a_figure_of_the_reliability_tab(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", tab="reliability", range="7d")
    found = runtime.queries.ask(stops, Filter(range="7d"))
    assert found.timed > 0
    assert metrics(app)["Tokens after Stop"] == f"{found.tokens_after:,}"
    assert f"in {found.timed} stopped runs" in words(app)


def test_the_reliability_tab_shows_the_figures_of_the_queries(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", tab="reliability", range="7d")
    now = runtime.queries.ask(trouble, Filter(range="7d")).current
    assert now.attempts.k > 0
    assert metrics(app)["Attempt error rate"] == share(now.attempts.share)
    assert metrics(app)["Rescued"] == share(now.rescued.share)
    assert f"n = {now.attempts.n} attempts" in words(app)


def test_without_failures_the_tab_says_so(quiet: None, open_page: OpenPage) -> None:
    app = open_page("dashboard", tab="reliability", range="7d")
    assert "Nothing failed in this range." in words(app)
    assert "No attempt failed in this range." in words(app)


def test_errors_can_be_those_of_runs(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", tab="reliability", range="7d")
    assert "Error types of attempts" in words(app)
    (level,) = [control for control in app.segmented_control if control.key == "error_level"]
    app = checked(level.set_value("run").run())
    assert "Error types of runs" in words(app)


def test_another_model_can_be_chosen_for_the_what_if(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", tab="cost", range="7d")
    box = app.selectbox(key="what_if_model")
    assert "the same tokens (they would differ)" in words(app).lower()
    app = checked(box.set_value("openai:gpt-4o").run())
    assert "all on GPT-4o:" in words(app)


def test_hostile_names_stay_text(traffic: Path, open_page: OpenPage) -> None:
    with sqlite3.connect(traffic) as connection:
        connection.execute("UPDATE run SET user_id = ?, conversation_id = ?", (HOSTILE, HOSTILE))
        connection.execute("UPDATE llm_call SET error_type = ? WHERE status = 'error'", (HOSTILE,))
    for tab in ("cost", "reliability"):
        app = open_page("dashboard", tab=tab, range="7d")
        raw = " ".join(part.value for part in [*app.markdown, *app.caption, *app.metric])
        assert "[x](http" not in raw


def test_a_thread_row_opens_its_newest_run(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", tab="cost", range="7d")
    ids = app.session_state["_rows_cost_threads"]
    with sqlite3.connect(traffic) as connection:
        known = {row[0] for row in connection.execute("SELECT run_id FROM run")}
    assert ids
    assert set(ids) <= known


# -- tiles


def test_changes_need_a_period_that_was_recorded(traffic: Path, runtime: Runtime) -> None:
    report = runtime.queries.ask(spending, Filter(range="7d"))
    cost, before, *_ = cost_tiles(report, changes=False)
    assert (cost.before, before.value, before.note) == (None, None, "not recorded in full")


# -- options


def test_the_band_is_drawn_between_the_ends_and_gaps_stay_gaps() -> None:
    floor, width, low, high = band([0.1, None], [0.3, None], "#000000", PERCENT, "95 %")
    assert (floor["data"], width["data"]) == ([10.0, None], [20.0, None])
    assert (low["data"], high["data"]) == ([10.0, None], [30.0, None])
    assert floor["stack"] == width["stack"]
    assert floor["tooltip"] == width["tooltip"] == {"show": False}


def test_a_rate_of_few_is_dashed_and_of_none_a_gap() -> None:
    rates = (Rate(k=1, n=40), Rate(k=1, n=3), Rate(k=0, n=0), Rate(k=2, n=50))
    series = RateSeries(size="1h", buckets=hours(4), rates=rates)
    option = rate_option(series, "Rate", "#000000", "attempts", UTC)
    sound, whole = (s["data"] for s in option["series"] if s["name"] == "Rate")
    assert sound == [2.5, None, None, None]
    assert whole == [2.5, pytest.approx(100 / 3, rel=1e-4), None, 4.0]


def test_a_provider_without_attempts_has_no_cell() -> None:
    grid = StatusGrid(
        size="1h",
        buckets=hours(4),
        cells={"a": (Rate(k=0, n=9), Rate(k=0, n=0), Rate(k=1, n=2), Rate(k=5, n=9))},
    )
    option = status_option(grid, UTC)
    places = {s["name"]: [cell["value"][0] for cell in s["data"]] for s in option["series"]}
    assert list(places.values()) == [[2], [0], [], [3]]
    assert list(places) == option["legend"]["data"]
    assert option["series"][3]["data"][0]["name"].endswith("Down, 5 of 9 failed")


def test_horizontal_bars_keep_their_words() -> None:
    stack = Stack(name="A", color="#000000", values=[1, 2], said=["one", "two"])
    (drawn,) = rows(["x", "y"], [stack], PERCENT)["series"]
    assert drawn["data"] == [{"name": "one", "value": 100.0}, {"name": "two", "value": 200.0}]


def test_the_month_draws_today_dashed_and_the_budget_as_a_line() -> None:
    days = tuple(date(2026, 11, 1) + timedelta(days=k) for k in range(3))
    month = Month(
        days=days, spent=(10, 0, 5), cost=Known(value=15, known=3, of=3), full_days=2, forecast=None
    )
    option = month_option(month, 10**12)
    spent = [s["data"] for s in option["series"] if s["name"] == "Spent"]
    assert len(spent[1]) == 3
    assert spent[0][-1] is None
    budget = [s["data"] for s in option["series"] if s["name"] == "Budget"]
    assert budget[1] == [1.0, 1.0, 1.0]


def test_a_budget_of_the_app_is_not_drawn_over_a_part_of_it() -> None:
    assert not filtered(Filter(range="7d", since_us=1, until_us=2))
    assert filtered(Filter(agent=("billing",)))


def test_the_budget_of_the_app_is_compared_with_the_month(
    traffic: Path, open_page: OpenPage
) -> None:
    definition = BudgetDefinition(scope="app", limit_usd=Decimal("0.000001"))
    with sqlite3.connect(traffic) as connection:
        connection.execute(
            "INSERT INTO budget (budget_id, name, definition, enabled, updated_at_us) "
            "VALUES ('b', 'all', ?, 1, 1)",
            (definition.model_dump_json(),),
        )
    assert "budget $0.000001 used up on" in words(open_page("dashboard", tab="cost", range="7d"))
    part = open_page("dashboard", tab="cost", range="7d", agent="billing")
    assert "no budget is drawn while filters are set" in words(part)
