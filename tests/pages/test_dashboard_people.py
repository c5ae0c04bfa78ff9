"""The tabs Agents & tools, Retrieval, Users and Quality in process: figures, words, empty states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from streamlit.testing.v1 import AppTest

from analytics.blocks import touch
from analytics.metrics import Rate
from analytics.queries import Filter, Queries
from analytics.queries.agents_tools import RouteCell, Routing
from analytics.queries.people import Cohort, Cohorts, top_people
from analytics.queries.quality import quality
from analytics.schema import document_day, feedback, run, schema_meta
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US, Bucket
from core.database import database_url
from pages.components.charts_matrix import MatrixCell, matrix
from pages.components.dashboard_agents import routing_option
from pages.components.dashboard_intervals import interval
from pages.components.dashboard_quality import NO_RATINGS
from pages.components.dashboard_users import cohort_option
from pages.components.format import count, share
from tests.pages.conftest import OpenPage
from tests.traffic import copy_traffic

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

RUNS = 250
HOSTILE = "<b>$x$ ![a](http://evil.example/a.png)</b>"


@pytest.fixture
def traffic(data_dir: Path) -> Path:
    """A database with some hours of traffic, a hostile name in it."""
    data_dir.mkdir(parents=True)
    path = data_dir / "analytics.db"
    copy_traffic(path, RUNS, seed=3, days=0.9)
    return path


def change(path: Path, work: Callable[[Connection], object]) -> None:
    store = AnalyticsStore(database_url(path))
    store.run(work)
    store.close()


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.success]
    return " ".join(part.value for part in parts).replace("\\", "")


def markdown(app: AppTest) -> str:
    """What Streamlit renders as Markdown, escapes included."""
    return " ".join(part.value for part in [*app.markdown, *app.caption, *app.info])


TABS = {
    "agents": ("Choice and answer", "Tools over time", "Agents", "Tools"),
    "retrieval": ("Retrievals by mode", "Best score of a retrieval", "By mode",
                  "Most found documents", "Never found"),
    "users": ("Active people", "Do new people stay?", "Turns per thread", "Who uses most"),
    "quality": ("Thumbs up over time", "Why thumbs go down", "Thumbs up by part",
                "Runs to look at"),
}  # fmt: skip


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_draws_its_cards(traffic: Path, open_page: OpenPage, tab: str) -> None:
    app = open_page("dashboard", tab=tab, range="24h")
    titles = [part.value for part in app.markdown]
    assert [title for title in TABS[tab] if f"**{title}**" not in titles] == []


@pytest.mark.parametrize("tab", TABS)
def test_a_filter_that_leaves_little_is_no_error(
    traffic: Path, open_page: OpenPage, tab: str
) -> None:
    open_page("dashboard", tab=tab, range="24h", agent="data", status="interrupted")


def test_quality_shows_what_the_query_layer_says(traffic: Path, open_page: OpenPage) -> None:
    app = open_page("dashboard", tab="quality", range="24h")
    queries = Queries(traffic)
    overall = queries.ask(quality, Filter(range="24h")).overall
    queries.close()
    shown = {metric.label: metric.value for metric in app.metric}
    assert overall.up.n > 5
    assert shown["Thumbs up"] == share(overall.up.share)
    assert shown["Coverage"] == share(overall.coverage.share)
    said = f"95 % interval {interval(overall.up)}, {overall.up.k} of {overall.up.n} ratings"
    assert said in {caption.value for caption in app.caption}


def test_without_ratings_quality_says_why(traffic: Path, open_page: OpenPage) -> None:
    def take_away(connection: Connection) -> None:
        connection.execute(delete(feedback))
        touch(connection, connection.execute(select(run.c.started_at_us)).scalars())

    change(traffic, take_away)
    app = open_page("dashboard", tab="quality", range="24h")
    assert NO_RATINGS in words(app)
    assert "Thumbs up" not in {metric.label for metric in app.metric}
    assert "**Runs to look at**" in [part.value for part in app.markdown]


def test_names_and_reasons_are_never_markdown(traffic: Path, open_page: OpenPage) -> None:
    def spoil(connection: Connection) -> None:
        connection.execute(
            update(feedback)
            .where(feedback.c.evaluation_score_value == 0)
            .values(evaluation_score_label=HOSTILE, evaluation_explanation=HOSTILE)
        )
        connection.execute(update(run).where(run.c.user_id == "user-01").values(user_id=HOSTILE))
        connection.execute(
            update(schema_meta)
            .where(schema_meta.c.name == "data_version")
            .values(value=schema_meta.c.value + 1)
        )
        connection.execute(
            insert(document_day), [{"day_us": DAY_US, "document": HOSTILE, "retrievals": 3}]
        )

    change(traffic, spoil)
    shown = []
    for tab in ("users", "quality", "retrieval"):
        app = open_page("dashboard", tab=tab, range="all")
        assert "evil.example" not in markdown(app)
        shown += [frame.value.astype(str).to_string() for frame in app.dataframe]
    assert HOSTILE in "".join(shown)


def test_people_are_those_of_the_query_layer(traffic: Path, open_page: OpenPage) -> None:
    queries = Queries(traffic)
    found = queries.ask(top_people, Filter(range="24h"))
    queries.close()
    text = words(open_page("dashboard", tab="users", range="24h"))
    assert f"n = {count(found.people)} people" in text
    assert f"The top {found.top} make {share(found.top_runs.share)} of the runs" in text


def test_documents_nobody_needed_are_listed(
    traffic: Path, open_page: OpenPage, runtime: object
) -> None:
    app = open_page("dashboard", tab="retrieval", range="24h")
    # Synthetic traffic finds documents that no folder holds.
    tables = {tuple(frame.value.columns): frame.value for frame in app.dataframe}
    found = next(t for names, t in tables.items() if "Retrievals" in names and "Title" in names)
    assert "technical/part-1.md" in list(found["Document"])
    assert set(found["Area"]) == {"not there now"}


# -- options of charts


def test_an_agents_name_in_a_matrix_is_data_and_no_template() -> None:
    cell = MatrixCell(column=0, row=0, weight=1.0, text="1", said="<img src=x>")
    option = matrix(["a"], ["b"], [cell])
    assert option["tooltip"]["formatter"] == "{b}"
    assert option["series"][0]["data"][0]["name"] == "<img src=x>"


def test_dark_cells_have_light_words_and_light_ones_dark_words() -> None:
    cells = [
        MatrixCell(column=k, row=0, weight=w, text="1", said="") for k, w in enumerate((0.0, 1.0))
    ]
    light, dark = matrix(["a", "b"], ["c"], cells)["series"][0]["data"]
    assert (light["itemStyle"]["color"], light["label"]["color"]) == ("#cfe3f1", "#10201d")
    assert (dark["itemStyle"]["color"], dark["label"]["color"]) == ("#0072b2", "#ffffff")


def test_the_diagonal_of_the_routing_matrix_is_a_diagonal() -> None:
    none = Rate(k=0, n=0)
    cells = (
        RouteCell(route="billing", agent="policy", runs=6, down=Rate(k=1, n=4)),
        RouteCell(route="billing", agent="billing", runs=2, down=Rate(k=3, n=10)),
        RouteCell(route="policy", agent="policy", runs=1, down=none),
        RouteCell(route="policy", agent=None, runs=1, down=none),
    )
    found = Routing(
        cells=cells, routed=10, unrouted=0, moved=none, asked=None
    )  # fmt: skip
    option = routing_option(found)
    assert option["yAxis"]["data"] == option["xAxis"]["data"][:2]
    assert option["xAxis"]["data"][2] == "Nobody yet"
    data = {tuple(d["value"][:2]): d for d in option["series"][0]["data"]}
    assert [data[1, 0]["value"][2], data[0, 0]["value"][2]] == [1.0, 0.3333]
    assert (option["xAxis"]["name"], option["yAxis"]["name"]) == ("answered by", "chosen first")
    assert data[1, 0]["label"]["formatter"] == "6\n1/4 down"
    assert data[0, 0]["label"]["formatter"] == "2\n30 % down"
    assert data[1, 1]["label"]["formatter"] == "1"


def test_a_cohort_grid_has_a_triangle_of_cells() -> None:
    week = 7 * DAY_US
    rows = tuple(
        Cohort(
            week=Bucket(start_us=k * week, end_us=(k + 1) * week, partial=k == 0),
            size=4,
            active=active,
        )
        for k, active in enumerate([(4, 2, 0), (4, 1), (4,)])
    )
    option = cohort_option(ZoneInfo("UTC"), Cohorts(rows=rows, total=3, earlier=0))
    assert option["xAxis"]["data"] == ["first", "+1", "+2"]
    assert option["yAxis"]["data"][0] == "1 Jan* (4)"
    texts = [d["label"]["formatter"] for d in option["series"][0]["data"]]
    assert texts == ["100 %", "50 %", "0 %", "100 %", "25 %", "100 %"]
