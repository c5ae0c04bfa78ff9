"""The dashboard in process: its states and figures. What only a browser shows is in tests/browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.queries import Filter, Queries
from analytics.reports import over_time as reported
from analytics.timeaxis import Bucket
from bench.make_traffic import Traffic, write_traffic
from core.catalog import load_catalog
from core.events import Event, ReasoningStep, Route, Token, ToolStart
from core.pricing import format_usd
from pages.components.charts import FAINT, PALE, Series, bars, lines
from pages.components.charts_axes import SECONDS, bucket_labels
from pages.components.charts_card import safe_cell, to_csv
from pages.components.charts_plotly import FAILED
from pages.components.dashboard_charts import STATUS_COLORS
from pages.components.dashboard_controls import STATUS_NAMES
from pages.components.dashboard_empty import PROMISES
from pages.components.dashboard_kpis import Row, earlier, tiles
from pages.components.dashboard_live import activity, speed_now
from pages.components.dashboard_overview import key_row
from pages.components.dashboard_reading import records_since_us
from pages.components.dashboard_tab import Tab
from pages.components.dashboard_tables import agent_columns, table_of
from pages.components.dashboard_tabs import TABS
from pages.components.format import count, duration, known_money
from pages.components.run_waterfall import waterfall_bars
from tests.pages.conftest import OpenPage, checked
from tests.traffic import copy_traffic

UTC = ZoneInfo("UTC")
RUNS = 150
ROUTE = Route(agent="data", decided_by="local", reason="", duration_us=1)
TOOL = ToolStart(tool_call_id="t", name="query_metrics", input="{}", agent="data")


@pytest.fixture
def traffic(data_dir: Path) -> Path:
    """A database with some hours of traffic."""
    data_dir.mkdir(parents=True)
    path = data_dir / "analytics.db"
    copy_traffic(path, RUNS, seed=3, days=0.9)
    return path


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    """All text of the page, without Markdown's escapes."""
    parts = [*app.markdown, *app.caption, *app.subheader, *app.error, *app.warning, *app.info]
    return " ".join(part.value for part in parts).replace("\\", "")


def test_an_empty_database_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page("dashboard")
    assert app.subheader[0].value == "Nothing has been asked yet"
    assert not app.metric
    assert "Nothing is running" in words(app)


def test_an_empty_tab_says_what_it_will_show(open_page: OpenPage) -> None:
    assert set(PROMISES) == set(TABS)
    assert len(set(PROMISES.values())) == len(TABS)
    for tab in ("cost", "quality"):
        app = open_page("dashboard", tab=tab)
        assert f"This tab will show {PROMISES[tab]}." in words(app)


def test_the_tiles_show_the_figures_of_the_query_layer(traffic: Path, open_page: OpenPage) -> None:
    shown = metrics(open_page("dashboard", range="24h"))
    now = Queries(traffic).kpis(Filter(range="24h")).current
    assert now.runs == RUNS
    assert now.ttft_p50.enough
    assert now.ttft_p50.value is not None
    # Prepared figures are made meanwhile: then a percentile is right within 1 %.
    assert shown["First token, p50"] in {
        duration(now.ttft_p50.value * (1 + k / 1000)) for k in range(-20, 21)
    }
    assert {k: shown[k] for k in ("Runs", "Users", "Cost")} == {
        "Runs": count(now.runs),
        "Users": count(now.users),
        "Cost": f":small[at least] {format_usd(now.cost.value)}".replace("$", "\\$"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws(traffic: Path, open_page: OpenPage, tab: str) -> None:
    app = open_page("dashboard", range="24h", tab=tab)
    assert app.segmented_control(key="tab").value == tab
    assert app.get("download_button")
    assert not app.error


@pytest.mark.slow
def test_only_the_chosen_tab_asks_its_questions(
    traffic: Path, runtime: Runtime, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Tab, "answer", _spy(Tab.answer, asked))
    open_page("dashboard", range="24h", tab="runs")
    assert set(asked) == {"runs_in_range", "runs_page"}


def _spy(answer: Any, asked: list[str]) -> Any:
    def answered(tab: Tab, question: Any, *given: Any) -> Any:
        asked.append(question.__name__)
        return answer(tab, question, *given)

    return answered


@pytest.mark.slow
def test_choosing_a_tab_puts_it_into_the_url(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h")
    checked(app.segmented_control(key="tab").set_value("runs").run())
    assert app.query_params["tab"] in ("runs", ["runs"])
    assert not app.metric


def test_a_filter_in_the_url_is_applied_and_kept(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h", agent="billing", status=["ok", "error"])
    keep = Filter(range="24h", agent=("billing",), status=("ok", "error"))
    expected = Queries(traffic).kpis(keep).current.runs
    assert 0 < expected < RUNS
    assert metrics(app)["Runs"] == count(expected)
    assert app.multiselect(key="filter_agent").value == ["billing"]
    assert app.query_params["agent"] in ("billing", ["billing"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"range": "'; drop table run"}, "drop table run"),
        ({"range": "24h", "status": "x" * 10_000, "log": "maybe"}, "status xxx"),
        ({"range": "24h", "model": "\x00", "user": "y" * 300}, "user yyy"),
    ],
)
def test_nonsense_in_the_url_filters_nothing_and_is_named(
    traffic: Path, open_page: OpenPage, query: dict[str, Any], named: str
) -> None:
    app = open_page("dashboard", **query)
    assert metrics(app)["Runs"] == count(RUNS)
    assert named in app.warning[0].value
    assert len(app.warning[0].value) < 300


def test_a_filter_on_what_is_not_recorded_shows_nothing_instead_of_everything(
    traffic: Path, open_page: OpenPage
) -> None:
    """Such as a person who was erased, in a link that was kept."""
    app = open_page("dashboard", range="24h", user="somebody-erased")
    assert "user somebody" in app.warning[0].value
    assert "matches the filters" in words(app)
    assert app.multiselect(key="filter_user").value == ["somebody-erased"]
    assert app.query_params["user"] == "somebody-erased"


@pytest.mark.slow
def test_choosing_a_range_puts_it_into_the_url(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h")
    checked(app.segmented_control(key="range").set_value("30d").run())
    assert app.query_params["range"] in ("30d", ["30d"])
    assert metrics(app)["Runs"] == count(RUNS)


@pytest.mark.slow
def test_filters_that_match_nothing_can_be_cleared(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h", agent="data", provider="local", entry_point="compare")
    assert "matches the filters" in words(app)
    checked(app.button(key="clear_all").click().run())
    assert "agent" not in app.query_params


@pytest.mark.slow
def test_an_old_address_of_a_run_leads_to_its_page(traffic: Path, open_page: OpenPage) -> None:
    row = Queries(traffic).recent_runs(Filter(range="24h", status=("ok",)), limit=1)[0]
    app = open_page("dashboard", range="24h", run=row.run_id)
    assert app.title[0].value == "Run"
    assert row.run_id in words(app)


def test_a_broken_database_is_a_sentence_and_the_chat_goes_on(
    runtime: Runtime, open_page: OpenPage, data_dir: Path
) -> None:
    runtime.recorder.close()
    for rest in data_dir.glob("analytics.db*"):
        rest.unlink()
    (data_dir / "analytics.db").write_bytes(b"not a database at all" * 500)
    app = open_page("dashboard")
    assert "analytics.db" in app.error[0].value.replace("\\", "")
    assert "Chat and comparison go on" in words(app)
    assert open_page("chat").chat_input


@pytest.mark.slow
def test_a_question_asked_in_the_chat_appears(runtime: Runtime, open_page: OpenPage) -> None:
    chat = open_page("chat")
    checked(chat.chat_input[0].set_value("What is Switchboard?").run())
    assert runtime.recorder.flush()
    app = open_page("dashboard")
    assert metrics(app)["Runs"] == "1"
    assert app.segmented_control(key="range").value == "1h"
    assert ":gray[" in metrics(app)["First token, p95"]  # one run is too few for a p95


def test_a_line_has_gaps_and_is_dashed_where_it_rests_on_too_little() -> None:
    one = Series(name="p50", color="#000000", values=[1e6, None, 3e6], sound=[True, True, False])
    drawn = lines(["a", "b", "c"], [one], SECONDS)["series"]
    assert [line["data"] for line in drawn] == [[1.0, None, None], [1.0, None, 3.0]]
    assert drawn[1]["lineStyle"] == {"opacity": FAINT, "width": 1.5, "type": [4, 3]}
    assert not any(line["connectNulls"] or line["smooth"] or "stack" in line for line in drawn)


def test_a_bar_that_the_range_cuts_is_pale() -> None:
    one = Series(name="ok", color="#000000", values=[2e6, 1e6], sound=[True, False])
    assert bars(["a", "b"], [one], SECONDS)["series"][0]["data"] == [
        2.0,
        {"value": 1.0, "itemStyle": {"opacity": PALE}},
    ]


def test_a_log_axis_leaves_out_what_it_cannot_show() -> None:
    one = Series(name="p50", color="#000000", values=[0.0, 1e6], sound=[True, True])
    assert lines(["a", "b"], [one], SECONDS, log=True)["series"][1]["data"] == [None, 1.0]


def test_buckets_are_named_in_the_reporting_zone_and_never_alike() -> None:
    berlin, hour = ZoneInfo("Europe/Berlin"), 3_600_000_000
    start = 1_792_886_400_000_000  # 2026-10-25 00:00 UTC: clocks go back at 01:00 UTC
    night = [
        Bucket(start_us=start + k * hour, end_us=start + (k + 1) * hour, partial=False)
        for k in range(3)
    ]
    names = bucket_labels(night, "1h", berlin)
    assert names == ["02:00", "02:00 CET", "03:00"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_that_would_be_a_formula_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_a_download_keeps_numbers_and_leaves_the_unknown_empty() -> None:
    assert to_csv(["=name", "cost"], [["@a", -1.5], ["b", None]]).decode("utf-8-sig") == (
        "'=name,cost\r\n'@a,-1.5\r\nb,\r\n"
    )


def test_a_table_downloads_raw_values_with_their_units(traffic: Path) -> None:
    queries = Queries(traffic)
    header, rows = table_of(agent_columns(queries.by_agent(Filter(range="24h"))))
    assert list(header)[:3] == ["Agent", "Runs", "First token p50 (us)"]
    assert sum(int(str(row[1])) for row in rows) == RUNS


def row_of(runtime: Runtime) -> Row:
    queries = runtime.queries
    tab = Tab(
        runtime=runtime, figures=queries, keep=queries.pin(Filter(range="24h")), zone=UTC, catalog=load_catalog(),
        log=False, live=False, records_since_us=records_since_us(queries),
    )  # fmt: skip
    return key_row(tab)


def test_there_is_no_comparison_before_the_records_began(traffic: Path, runtime: Runtime) -> None:
    row = row_of(runtime)
    assert {tile.before for tile in tiles(row)} == {None}
    assert earlier(replace(row, records_since_us=0)) is not None


def test_every_tile_has_a_definition_and_says_what_it_rests_on(
    traffic: Path, runtime: Runtime
) -> None:
    for tile in tiles(row_of(runtime)):
        assert tile.help
        assert tile.note


def test_a_waterfall_shows_every_step_and_every_attempt(traffic: Path) -> None:
    queries = Queries(traffic)
    rows = queries.recent_runs(Filter(range="all"), limit=500)
    fell_back = next(row for row in rows if row.fallbacks)
    found = queries.run_detail(fell_back.run_id)
    assert found is not None
    drawn = waterfall_bars(found, load_catalog())
    assert len(drawn) == len(found.steps) + len(found.calls)
    assert {bar.depth for bar in drawn} >= {0, 1}
    assert FAILED in {bar.kind for bar in drawn}


@pytest.mark.slow
def test_figures_are_read_again_only_when_something_was_recorded(
    traffic: Path, runtime: Runtime, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.components.dashboard_reading.REST", 0.0)
    pinned: list[Filter] = []
    pin = runtime.queries.pin
    monkeypatch.setattr(runtime.queries, "pin", lambda keep: (pinned.append(keep), pin(keep))[1])
    app = open_page("dashboard", range="30d")
    checked(app.run())
    assert len(pinned) == 1
    write_traffic(traffic, 1, Traffic(seed=4, days=0.1))
    checked(app.run())
    checked(app.run())
    assert metrics(app)["Runs"] == count(RUNS + 1)
    assert len(pinned) <= 3


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([], (None, "starting")),
        ([ReasoningStep(step_id="s", name="supervisor", status="started")], (None, "supervisor")),
        ([ROUTE, TOOL], ("data", "using query_metrics")),
        ([ROUTE, Token(text="a", agent="data")], ("data", "writing")),
    ],
)
def test_the_live_line_says_what_a_run_does(
    drafts: list[Event], said: tuple[str | None, str]
) -> None:
    run = Run(request=TurnRequest(text="?"), thread_id="t", state="running")
    for draft in drafts:
        run.publish(replace(draft))
    assert activity(run) == said


def test_the_speed_of_a_run_is_text_over_time_since_its_first_piece() -> None:
    run = Run(request=TurnRequest(text="?"), thread_id="t", state="running")
    for k in range(5):
        run.publish(Token(text="x" * 40, agent="data"))
        object.__setattr__(run.events[-1], "elapsed_us", 1_000_000 + k * 500_000)
    assert speed_now(run.events) == pytest.approx(20.0)  # 4 times 10 tokens in 2 s
    assert speed_now(run.events[:2]) is None


@pytest.mark.slow
def test_the_live_strip_shows_agent_step_time_and_speed(
    traffic: Path, runtime: Runtime, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(request=TurnRequest(text="?"), thread_id="t", state="running")
    run.publish(replace(ROUTE, agent="billing *now*"))
    for k in range(5):
        run.publish(Token(text="x" * 40, agent="billing *now*"))
        object.__setattr__(run.events[-1], "elapsed_us", 1_000_000 + k * 500_000)
    monkeypatch.setattr(runtime.runs, "active", lambda: [run])
    app = open_page("dashboard", range="24h")
    [line] = [caption.value for caption in app.caption if "in flight" in caption.value]
    assert "**1 in flight**" in line
    assert "writing" in line
    assert "about 20 tokens/s" in line
    assert "\\*now\\*" in line
    assert "last 20 first tokens: median" in line


@pytest.mark.slow
def test_runs_of_a_chart_are_one_click_away(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h", tab="latency", agent="billing", before="1.2")
    checked(app.button(key="runs_of_stalls").click().run())
    assert app.segmented_control(key="tab").value == "runs"
    assert app.multiselect(key="filter_status").value == ["ok"]
    assert app.multiselect(key="filter_agent").value == ["billing"]
    assert "before" not in app.query_params
    shown = set(app.dataframe[0].value["Status"])
    assert shown == {"Completed"}


@pytest.mark.slow
def test_other_limits_are_tried_on_past_runs(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="24h", tab="latency")
    before = words(app)
    checked(app.select_slider(key="limit_first").set_value(0.25).run())
    assert app.select_slider(key="limit_first").value == 0.25
    assert words(app) != before


@pytest.mark.slow
def test_what_changed_can_be_about_runs_and_failures(
    data_dir: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    for runs, days in ((10, 13), (40, 0.2)):  # at most 10 of them in the six hours before
        write_traffic(data_dir / "analytics.db", runs, Traffic(seed=3 + runs, days=days))
    app = open_page("dashboard", range="6h")
    assert "Who made the difference" in words(app)
    checked(app.segmented_control(key="changed").set_value("runs").run())
    assert "Runs +" in words(app)


def test_every_status_has_a_name_and_a_colour_everywhere() -> None:
    assert set(STATUS_NAMES) == set(STATUS_COLORS) == set(reported.STATUS_COLORS)
    assert STATUS_COLORS == reported.STATUS_COLORS
    assert "refused_budget" in STATUS_NAMES


def test_costs_of_which_none_is_known_are_not_a_sum() -> None:
    assert known_money("$0", missing=3, of=3) == "no known price"
    assert known_money("$0", missing=2, of=3) == "$0 known"
    assert known_money("$0", missing=0, of=0) == "$0 known"
