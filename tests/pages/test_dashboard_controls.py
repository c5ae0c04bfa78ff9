"""Range, filters, saved views and notes of the dashboard: all in the URL, whatever stands there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.queries import Filter, Queries
from analytics.queries.views import marks, saved_views
from analytics.timeaxis import to_us
from pages.components import session
from pages.components.charts import PALE, Mark, Series, bars, with_strip
from pages.components.charts_axes import ONES as UNIT
from pages.components.format import count
from tests.pages.conftest import OpenPage, checked
from tests.pages.test_dashboard import metrics, words
from tests.traffic import copy_traffic

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

RUNS = 120
HOSTILE = "![x](https://evil.example/a.png) **b** $1 :red[c]"


@pytest.fixture
def traffic(data_dir: Path) -> Path:
    data_dir.mkdir(parents=True)
    path = data_dir / "analytics.db"
    copy_traffic(path, RUNS, seed=7, days=3)
    return path


def in_url(app: AppTest, name: str) -> list[str]:
    value = app.query_params.get(name, [])
    return value if isinstance(value, list) else [value]


def test_two_moments_in_the_url_are_the_range(traffic: Path, open_page: OpenPage) -> None:
    end = datetime.now().replace(second=0, microsecond=0) - timedelta(hours=20)
    start = end - timedelta(days=1, hours=6)
    app = open_page("dashboard", **{"from": start.isoformat(), "to": end.isoformat()})
    queries = Queries(traffic)
    since, until = (to_us(moment.replace(tzinfo=queries.zone)) for moment in (start, end))
    expected = queries.kpis(Filter(since_us=since, until_us=until)).current.runs
    assert 0 < expected < RUNS
    assert metrics(app)["Runs"] == count(expected)
    assert app.segmented_control(key="range").value is None


def test_a_usual_length_takes_the_place_of_moments(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", **{"from": "2026-01-01T00:00"})
    checked(app.segmented_control(key="range").set_value("30d").run())
    assert "from" not in app.query_params
    assert metrics(app)["Runs"] == count(RUNS)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "does not exist"),
        ({"from": "2026-13-45T99:00"}, "does not exist"),
        ({"from": "0001-01-01T00:00", "to": "9999-01-01"}, "does not exist"),
        ({"to": "2026-01-01T00:00"}, "does not exist"),
        ({"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}, "ends before it begins"),
    ],
)
def test_moments_that_cannot_be_a_range_are_a_sentence(
    traffic: Path, open_page: OpenPage, query: dict[str, Any], said: str
) -> None:
    app = open_page("dashboard", range="30d", **query)
    assert said in app.warning[0].value
    assert metrics(app)["Runs"] == count(RUNS)


def test_a_person_and_a_version_are_filters(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="30d", user="user-01", version="0.1.0")
    queries = Queries(traffic)
    person = Filter(range="30d", user=("user-01",))
    expected = queries.kpis(replace(person, version=("0.1.0",))).current.runs
    assert 0 < expected < queries.kpis(person).current.runs < RUNS
    assert metrics(app)["Runs"] == count(expected)
    assert app.multiselect(key="filter_version").value == ["0.1.0"]


def test_of_many_people_one_is_found_by_typing(
    traffic: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.components.dashboard_controls.MANY", 5)
    app = open_page("dashboard", range="30d")
    assert len(app.multiselect(key="filter_user").options) == 5
    assert "can be chosen below" in words(app)
    checked(app.text_input(key="find_user").set_value("R-03").run())
    assert app.multiselect(key="filter_user").options == ["user-03"]
    checked(app.multiselect(key="filter_user").set_value(["user-03"]).run())
    assert in_url(app, "user") == ["user-03"]
    checked(app.text_input(key="find_user").set_value("nobody").run())
    assert app.multiselect(key="filter_user").value == ["user-03"]


def kept(runtime: Runtime) -> list[tuple[str, dict[str, list[str]]]]:
    views = runtime.queries.ask(lambda ask: saved_views(ask, session.owner()), Filter())
    return [(view.name, parse_qs(view.query)) for view in views]


def test_a_view_keeps_the_filters_and_opens_them_again(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", range="30d", tab="runs", agent=["billing", "data"], before="1.2")
    app.text_input(key="view_name").set_value("Billing and data")
    checked(app.button(key="view_save").click().run())
    query = {"tab": ["runs"], "range": ["30d"], "agent": ["billing", "data"]}
    assert kept(runtime) == [("Billing and data", query)]
    other = open_page("dashboard", range="1h", log="1")
    [view] = runtime.queries.ask(lambda ask: saved_views(ask, session.owner()), Filter())
    checked(other.button(key=f"view_{view.view_id}").click().run())
    assert in_url(other, "agent") == ["billing", "data"]
    assert in_url(other, "tab") == ["runs"]
    assert "log" not in other.query_params
    checked(other.button(key=f"view_delete_{view.view_id}").click().run())
    assert kept(runtime) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "has no name"), ("x" * 61, "at most 60 fit"), ("Taken", "of that name already")],
)
def test_a_view_that_cannot_be_kept_says_why(
    traffic: Path, runtime: Runtime, open_page: OpenPage, name: str, said: str
) -> None:
    app = open_page("dashboard", range="30d")
    app.text_input(key="view_name").set_value("taken")
    checked(app.button(key="view_save").click().run())
    app.text_input(key="view_name").set_value(name)
    checked(app.button(key="view_save").click().run())
    assert said in app.error[0].value
    assert len(kept(runtime)) == 1


def test_hostile_names_are_shown_as_they_are(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", range="30d")
    app.text_input(key="view_name").set_value(HOSTILE)
    checked(app.button(key="view_save").click().run())
    app.text_input(key="note_label").set_value(HOSTILE)
    checked(app.button(key="note_add").click().run())
    labels = [button.label for button in app.button] + [one.value for one in app.markdown]
    shown = [label for label in labels if "evil" in label]
    assert len(shown) == 2
    assert all("![" not in label and "$1" not in label.replace("\\$1", "") for label in shown)


def test_a_note_is_a_mark_on_every_chart_over_time(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("dashboard", range="30d")
    app.text_input(key="note_label").set_value("New prompt")
    checked(app.button(key="note_add").click().run())
    *releases, mark = runtime.queries.ask(marks, Filter(range="30d"))
    assert [release.label for release in releases] == ["0.1.0", "0.2.0"]
    assert mark.label == "New prompt"
    drawn = [
        chart.proto.spec for chart in app.get("echarts_chart") if "New prompt" in str(chart.proto)
    ]
    assert len(drawn) == 5
    checked(app.button(key=f"note_delete_{mark.annotation_id}").click().run())
    assert runtime.queries.ask(marks, Filter(range="30d")) == tuple(releases)


@pytest.mark.parametrize(
    "before", ["", "nonsense", "1.2", f"99999999999999999999.{'a' * 32}", f"-1.{'a' * 32}"]
)
def test_a_page_of_runs_that_does_not_exist_is_the_first(
    traffic: Path, open_page: OpenPage, before: str
) -> None:
    app = open_page("dashboard", range="30d", tab="runs", before=before)
    assert app.button(key="runs_newest").disabled
    assert "50 of 120" in words(app)


def test_older_runs_are_on_the_next_page(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", range="30d", tab="runs")
    first = app.dataframe[0].value["Time"].tolist()
    checked(app.button(key="runs_older").click().run())
    second = app.dataframe[0].value["Time"].tolist()
    assert len(first) == len(second) == 50
    assert min(first) >= max(second)
    checked(app.button(key="runs_older").click().run())
    assert app.button(key="runs_older").disabled
    assert len(app.dataframe[0].value) == RUNS - 100


def test_a_mark_with_braces_is_text_and_not_a_template() -> None:
    one = Series(name="ok", color="#000000", values=[1, 2], sound=[True, True])
    option = bars(["a", "b"], [one], UNIT, marks=[Mark(place=1, label="{c} v2")])
    [line] = option["series"][-1]["markLine"]["data"]
    assert (line["xAxis"], line["name"], line["label"]["formatter"]) == (1, "{c} v2", "{b}")


def test_a_strip_has_an_axis_of_its_own() -> None:
    one = Series(name="ok", color="#000000", values=[1, 2], sound=[True, True])
    option = with_strip(bars(["a", "b"], [one], UNIT), "Unpriced", [0, 3], [True, False])
    strip = option["series"][-1]
    assert (strip["data"][0], strip["xAxisIndex"], strip["yAxisIndex"]) == (0, 1, 2)
    assert strip["data"][1] == {"value": 3, "itemStyle": {"opacity": PALE}}
    assert option["yAxis"][2]["max"] == 3
    assert option["legend"]["data"] == ["ok", "Unpriced"]
    assert option["yAxis"][2]["gridIndex"] == 1
