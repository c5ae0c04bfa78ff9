"""The page Reports: making, keeping, exporting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.queries import Filter
from analytics.reports.render import FORMATS
from tests.pages.conftest import OpenPage, checked
from tests.traffic import copy_traffic


@pytest.fixture
def traffic(data_dir: Path) -> Path:
    """A database with some days of traffic."""
    data_dir.mkdir(parents=True)
    path = data_dir / "analytics.db"
    copy_traffic(path, 150, seed=3, days=10)
    return path


def words(app: AppTest) -> str:
    """All text of the page, without Markdown's escapes."""
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info]
    return " ".join(part.value for part in parts).replace("\\", "")


def make(app: AppTest, kind: str) -> AppTest:
    checked(app.segmented_control(key="report_kind").set_value(kind).run())
    return checked(app.button(key="make_report").click().run())


@pytest.mark.parametrize(
    "kind",
    [
        "daily",
        *(
            pytest.param(k, marks=pytest.mark.slow)
            for k in ("weekly", "monthly", "incident", "data")
        ),
    ],
)
def test_a_report_of_each_kind_is_made_and_kept(
    traffic: Path, runtime: Runtime, open_page: OpenPage, kind: str
) -> None:
    app = open_page("reports")
    checked(app.pills(key="report_forms").set_value(list(FORMATS)).run())
    app = make(app, kind)
    (kept,) = runtime.reports.reports()
    assert (kept.kind, kept.trigger, len(kept.files)) == (kind, "page", 4)
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["HTML", "Markdown", "CSV", "JSON"]
    assert "Made on this page" in words(app)


def test_a_report_on_an_empty_database_is_made_too(runtime: Runtime, open_page: OpenPage) -> None:
    make(open_page("reports"), "daily")
    (kept,) = runtime.reports.reports()
    (name,) = kept.files
    assert "Nothing has been recorded yet." in runtime.reports.path(name).read_text()


@pytest.mark.slow
def test_the_chosen_day_and_filter_are_those_of_the_report(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    day = datetime.now(UTC).date() - timedelta(days=4)
    app = open_page("reports")
    checked(app.date_input(key="report_daily_day").set_value(day).run())
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    until = since + timedelta(days=1)
    of_the_day = Filter(
        since_us=int(since.timestamp() * 1e6), until_us=int(until.timestamp() * 1e6)
    )
    agent = runtime.queries.facets(of_the_day).agent[0]
    checked(app.multiselect(key="report_agent").set_value([agent]).run())
    make(app, "daily")
    (kept,) = runtime.reports.reports()
    keep = Filter(since_us=kept.since_us, until_us=kept.until_us, agent=(agent,))
    (name,) = kept.files
    assert f"daily-{day.isoformat()}-" in name
    assert kept.filters == {"agent": (agent,)}
    runs = runtime.queries.kpis(keep).current.runs
    assert f'<span class="name">Runs</span><b>{runs}</b>' in runtime.reports.path(name).read_text()


def test_an_incident_that_ends_before_it_begins_is_a_sentence(
    traffic: Path, open_page: OpenPage
) -> None:
    app = open_page("reports")
    checked(app.segmented_control(key="report_kind").set_value("incident").run())
    start = app.get("datetime_input")[0]
    checked(start.set_value(start.value + timedelta(days=1)).run())
    assert "The incident ends before it begins." in words(app)


@pytest.mark.slow
def test_kept_reports_can_be_deleted(traffic: Path, runtime: Runtime, open_page: OpenPage) -> None:
    make(open_page("reports"), "weekly")
    (kept,) = runtime.reports.reports()
    app = open_page("reports", reports_tab="Kept reports")
    assert "Weekly review" in words(app)
    checked(app.button(key=f"kept_delete_{kept.report_id}").click().run())
    assert "No report is kept yet" in words(app)
    assert list(runtime.reports.folder.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_was_changed_is_said_to_be(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    make(open_page("reports"), "daily")
    (name,) = runtime.reports.reports()[0].files
    runtime.reports.path(name).write_text("other")
    assert f"{name} was changed since" in words(open_page("reports", reports_tab="Kept reports"))


@pytest.mark.slow
def test_rows_are_exported_and_offered(
    traffic: Path, runtime: Runtime, open_page: OpenPage
) -> None:
    app = open_page("reports", reports_tab="Export rows")
    checked(app.multiselect(key="export_agent").set_value(["billing"]).run())
    checked(app.button(key="start_export").click().run())
    for thread in list(runtime.exports._threads.values()):
        thread.join(10)
    app = checked(app.run())
    (job,) = runtime.exports.jobs()
    assert (job.state, job.kind, job.form) == ("done", "runs", "csv")
    assert (
        job.progress.rows
        == runtime.queries.kpis(Filter(range="30d", agent=("billing",))).current.runs
    )
    assert job.file in words(app)
    (file,) = runtime.exports.files()
    checked(app.button(key=f"remove_{file.name}").click().run())
    assert runtime.exports.files() == []


def test_a_broken_database_is_a_sentence(
    runtime: Runtime, open_page: OpenPage, data_dir: Path
) -> None:
    runtime.recorder.close()
    for rest in data_dir.glob("analytics.db*"):
        rest.unlink()
    (data_dir / "analytics.db").write_bytes(b"not a database at all" * 500)
    for tab in ("Make a report", "Kept reports", "Export rows"):
        app = open_page("reports", reports_tab=tab)
        assert "analytics.db" in app.error[0].value.replace("\\", "")
