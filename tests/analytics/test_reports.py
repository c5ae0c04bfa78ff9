"""Reports say what the query layer says, about the right hours of the right days."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, insert, select

from analytics.budgets import store as budget_store
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.reports import periods
from analytics.reports.build import make_report
from analytics.reports.document import (
    KINDS,
    Chart,
    Column,
    Figure,
    Figures,
    Report,
    ReportKind,
    Section,
    Table,
)  # fmt: skip
from analytics.reports.periods import Period
from analytics.reports.render import FORMATS, render
from analytics.reports.words import Writer, change, duration, verdict
from analytics.schema import alert_event, annotation, llm_call
from analytics.timeaxis import HOUR_US, local, to_us
from core.catalog import load_catalog
from core.errors import InvalidInput
from core.settings import Settings
from tests.analytics.scripts import MODEL, meta, simple_run, write
from tests.analytics.test_queries import FAILED
from tests.traffic import copy_traffic

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
UTC_ZONE = ZoneInfo("UTC")
NOW_US = to_us(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
Make = Callable[..., Report]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def traffic(path: Path) -> Path:
    copy_traffic(path, 900, seed=5, days=70, until_us=NOW_US)
    return path


@pytest.fixture
def opened() -> Iterator[list[Queries]]:
    found: list[Queries] = []
    yield found
    for queries in found:
        queries.close()


@pytest.fixture
def make(path: Path, opened: list[Queries]) -> Make:
    """`make(kind, day=…, zone=…, keep=…)`: a report of the database of this test."""

    def make_(kind: ReportKind, **given: Any) -> Report:
        queries = Queries(path, given.get("zone", "UTC"), now_us=lambda: NOW_US)
        opened.append(queries)
        settings = Settings(data_dir=path.parent, **given.get("settings", {}))
        period = given.get("period") or period_for(kind, given.get("day"), queries.zone)
        now = given.get("now_us", NOW_US)
        return make_report(queries, settings, CATALOG, period, given.get("keep"), now_us=now)

    return make_


def period_for(kind: ReportKind, day: date | None, zone: ZoneInfo) -> Period:
    if kind == "incident":
        return periods.incident(NOW_US - 40 * HOUR_US, NOW_US - 10 * HOUR_US, zone)
    if kind == "data":
        return periods.everything(NOW_US, zone)
    return periods.period_of(kind, day or local(NOW_US, zone).date() - timedelta(days=1), zone)


def figures(report: Report) -> dict[str, Figure]:
    return {
        figure.name: figure
        for section in report.sections
        for block in section.blocks
        if isinstance(block, Figures)
        for figure in block.items
    }


def tables(report: Report) -> dict[str, Table]:
    blocks = [block for section in report.sections for block in section.blocks]
    return {block.name: block for block in blocks if isinstance(block, Table)}


def charts(report: Report) -> dict[str, Chart]:
    blocks = [block for section in report.sections for block in section.blocks]
    return {block.name: block for block in blocks if isinstance(block, Chart)}


# -- the same figures as the pages


@pytest.mark.parametrize("kind", ["daily", "weekly", "monthly", "incident"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_the_key_figures_are_those_of_the_page(
    traffic: Path, make: Make, opened: list[Queries], kind: ReportKind, zone: str
) -> None:
    keep = Filter(agent=("technical", "billing"))
    report = make(kind, zone=zone, keep=keep)
    page = (
        opened[0]
        .kpis(Filter(since_us=report.since_us, until_us=report.until_us, agent=keep.agent))
        .current
    )
    found = figures(report)
    shown = {name: figure.value for name, figure in found.items()}
    assert page.runs
    assert (shown["Runs"], shown["Users"], shown["Failure rate"]) == (
        page.runs, page.users, page.failure.share,
    )  # fmt: skip
    assert (shown["First token, p95"], shown["Latency, p95"]) == (
        page.ttft_p95.value, page.latency_p95.value,
    )  # fmt: skip
    assert (shown["Cost"], shown["Input tokens"], shown["Output tokens"]) == (
        page.cost.value, page.input_tokens.value, page.output_tokens.value,
    )  # fmt: skip
    assert found["First token, p95"].sound is page.ttft_p95.enough


def test_the_day_before_is_the_calendars_and_not_24_hours(path: Path, make: Make) -> None:
    """The night clocks go back in Paris has 25 hours: 26 October is compared with all of them."""
    paris = ZoneInfo("Europe/Paris")
    first = to_us(datetime(2026, 10, 25, 0, 30, tzinfo=paris))
    days = [to_us(datetime(2026, 10, 26, 12, tzinfo=paris)), first]
    started = [*days, to_us(datetime(2026, 10, 24, 12, tzinfo=paris))]
    write(path, *(run_at(k, at) for k, at in enumerate(started)))
    runs = figures(make("daily", zone="Europe/Paris", day=date(2026, 10, 26)))["Runs"]
    assert (runs.value, runs.before) == (1, 1)


def test_a_day_that_is_not_over_is_compared_with_as_much_of_the_day_before(
    path: Path, make: Make
) -> None:
    midnight = to_us(datetime(2026, 11, 21, tzinfo=UTC))
    day = 24 * HOUR_US
    moments = [midnight + HOUR_US, midnight - day + HOUR_US, midnight - HOUR_US, midnight - 2 * day]
    write(path, *(run_at(k, at) for k, at in enumerate(moments)))
    report = make("daily", day=date(2026, 11, 21))
    runs = figures(report)["Runs"]
    assert (runs.value, runs.before) == (1, 1)
    assert report.remarks == ("The period is not over: these are its figures up to now.",)


def run_at(k: int, at_us: int, **more: Any) -> Any:
    return simple_run(meta(f"r{k:03d}", started_at_us=at_us, **more.pop("of", {})), **more)


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("month", [date(2026, 3, 1), date(2026, 10, 1)])
def test_a_month_is_the_sum_of_its_days_on_the_zones_clocks(
    path: Path, make: Make, zone: str, month: date
) -> None:
    """Both months have a day of 23 or 25 hours in Paris; runs lie on both sides of each midnight."""
    place = ZoneInfo(zone)
    following = (month + timedelta(days=31)).replace(day=1)
    length = (following - month).days
    moments = []
    for k in range(-1, length + 1):
        midnight = to_us(datetime.combine(month + timedelta(days=k), datetime.min.time(), place))
        moments += [midnight, midnight - 1]
    write(path, *(run_at(k, at) for k, at in enumerate(moments)))
    now = {"now_us": to_us(datetime(2026, 12, 1, tzinfo=UTC))}
    whole = figures(make("monthly", zone=zone, day=month, **now))["Runs"].value
    days = [
        figures(make("daily", zone=zone, day=month + timedelta(days=k), **now))["Runs"].value
        for k in range(length)
    ]
    assert whole == 2 * length
    assert days == [2] * length


def test_the_hours_of_the_long_night_are_all_in_the_chart(path: Path, make: Make) -> None:
    start = to_us(datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Paris")))
    write(path, *(run_at(k, start + k * HOUR_US) for k in range(25)))
    found = charts(make("daily", zone="Europe/Paris", day=date(2026, 10, 25)))["Runs by status"]
    assert found.series[0].values == (1,) * 25
    assert found.labels[2:4] == ("02:00", "02:00 CET")


# -- money


def test_every_way_of_adding_up_the_month_gives_the_same_pico_dollars(
    traffic: Path, make: Make, opened: list[Queries]
) -> None:
    report = make("monthly", day=date(2026, 10, 10), zone="Asia/Kathmandu")
    reader = opened[0].ask(lambda ask: ask.reader, Filter())
    began = llm_call.c.started_at_us
    within = (began >= report.since_us, began < report.until_us)
    plain = reader.rows(select(func.sum(llm_call.c.cost_pusd).label("x")).where(*within))[0]["x"]
    assert plain > 0
    found = tables(report)
    assert {row[5] for row in found["Reconciliation"].rows} == {plain}
    assert {row[-1] for row in found["Reconciliation"].rows} == {None, 0}
    for name in ("By user", "By agent", "By model"):
        table = found[name]
        assert table.total is not None
        assert [sum(row[k] or 0 for row in table.rows) for k in range(1, 6)] == [*table.total[1:6]]
        assert table.total[5] == plain
    assert report.ledger is not None
    assert sum(row[7] or 0 for row in report.ledger.rows) == plain


def test_the_months_csv_is_the_ledger_with_exact_dollars(path: Path, make: Make) -> None:
    at_us = to_us(datetime(2026, 10, 5, tzinfo=UTC))
    write(
        path,
        run_at(0, at_us, cost_pusd=1),
        run_at(1, at_us + 1, cost_pusd=10**12),
        run_at(2, at_us + 2, cost_pusd=None),
    )
    text = render(make("monthly", day=date(2026, 10, 5)), "csv", CATALOG).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["ann", "billing", MODEL, "3", "2", "1", "333", "1000000000001", "1.000000000001"]
    ]


def test_unpriced_calls_stand_apart_and_are_never_zero(path: Path, make: Make) -> None:
    at_us = to_us(datetime(2026, 10, 5, tzinfo=UTC))
    write(path, run_at(0, at_us, cost_pusd=None))
    report = make("monthly", day=date(2026, 10, 5))
    row = tables(report)["By model"].rows[0]
    assert tuple(row[1:4]) == (1, 0, 1)
    assert row[5] is None
    assert figures(report)["Cost"].value is None
    assert "unknown" in render(report, "md", CATALOG).decode()


def test_the_weeks_drivers_are_compared_with_the_week_before(path: Path, make: Make) -> None:
    at_us = to_us(datetime(2026, 11, 10, tzinfo=UTC))
    week = 7 * 24 * HOUR_US
    write(
        path,
        run_at(0, at_us, cost_pusd=500),
        run_at(1, at_us - week, cost_pusd=200),
        run_at(2, at_us - 2 * week, cost_pusd=9),
    )
    table = tables(make("weekly", day=date(2026, 11, 12)))["Cost by agent"]
    assert list(table.rows) == [("billing", 500, 1.0, 200, 300, 1, 0)]


# -- what else reports say


def test_an_incident_lists_who_was_hurt_and_what_it_used_up(path: Path, make: Make) -> None:
    start = NOW_US - 3 * HOUR_US
    good = [run_at(k, start + k * 60_000_000) for k in range(8)]
    bad = [run_at(90 + k, start + k * 60_000_000, end=FAILED) for k in range(2)]
    write(path, *good, *bad)
    period = periods.incident(start, start + 8 * 60_000_000, UTC_ZONE)
    report = make("incident", period=period, settings={"slo_target": 0.9})
    found, shown = tables(report), figures(report)
    assert [row[-1] for row in found["Affected runs"].rows] == ["r090", "r091"]
    assert shown["Burn rate"].value == 2.0
    assert shown["Missed"].value == 2
    assert [tuple(row[1:4]) for row in found["Timeline"].rows] == [
        (2, 1, 1), (2, 1, 1), *[(1, 1, 0)] * 6,
    ]  # fmt: skip


def test_alerts_releases_and_budgets_are_in_it(path: Path, make: Make) -> None:
    at_us = to_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
    write(path, run_at(0, at_us, cost_pusd=25 * 10**10))
    recorder = Recorder(path)

    def note(connection: Connection) -> None:
        alert = {"event_id": "e", "rule_id": "r", "rule_name": "slow", "state": "firing"}
        alert |= {"began_at_us": at_us, "at_us": at_us, "value": 1.0, "message": "p95 was 9 s"}
        connection.execute(insert(alert_event), alert)
        mark = {"annotation_id": "a", "at_us": at_us, "kind": "release", "label": "1.2.3"}
        connection.execute(insert(annotation), mark)

    recorder.write(note)
    wish = {"scope": "user", "target": "ann", "period": "day", "limit_usd": "0.5"}
    budget_store.save(recorder, "ann's day", wish)
    recorder.close()
    day = tables(make("daily", day=date(2026, 11, 20)))
    assert list(day["Alerts and anomalies"].rows) == [(at_us, "slow", "firing", "p95 was 9 s")]
    assert list(day["Budgets"].rows) == [
        ("ann's day", "ann", "day", "soft", 5 * 10**11, 25 * 10**10, 0.5, 0)
    ]
    week = tables(make("weekly", day=date(2026, 11, 20)))
    assert list(week["Releases and notes"].rows) == [(at_us, "release", "1.2.3")]


def test_the_data_protection_report_counts_rows_and_says_the_lifetimes(
    path: Path, make: Make
) -> None:
    at_us = to_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
    write(path, run_at(0, at_us), run_at(1, at_us + 5, of={"user_id": "bob"}))
    settings = {"content": "masked", "keep_rows_days": 90}
    report = make("data", settings=settings)
    rows = {row[1]: row for row in tables(report)["What is stored"].rows}
    assert rows["run"][2:] == (2, at_us, at_us + 5, NOW_US - at_us, 90)
    assert rows["content"][2] == 0
    shown = figures(report)
    assert (shown["Content mode"].value, shown["People with runs"].value) == ("masked", 2)


@pytest.mark.parametrize("state", ["missing", "empty"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_database_gives_an_honest_report(
    path: Path, make: Make, kind: ReportKind, state: str
) -> None:
    if state == "empty":
        write(path)
    report = make(kind)
    for form in FORMATS:
        assert render(report, form, CATALOG)
    if kind == "data":
        return
    shown = figures(report)
    assert "Nothing has been recorded yet." in report.remarks
    assert (shown["Runs"].value, shown["Cost"].value, shown["Latency, p95"].value) == (
        0,
        None,
        None,
    )
    assert (shown["Failure rate"].value, shown["Runs"].before) == (None, None)


def test_json_holds_the_raw_values_with_their_units(traffic: Path, make: Make) -> None:
    report = make("weekly")
    given = json.loads(render(report, "json", CATALOG))
    assert (given["report"], given["period"]["since_us"]) == ("weekly", report.since_us)
    tiles = {f["name"]: (f["value"], f["unit"]) for f in given["sections"][0]["figures"]}
    assert tiles["Cost"] == (figures(report)["Cost"].value, "pusd")
    chart = given["sections"][1]["charts"][0]
    assert sum(map(sum, chart["series"].values())) == tiles["Runs"][0]


def test_the_long_csv_has_every_figure_in_a_row_of_its_own(traffic: Path, make: Make) -> None:
    report = make("daily")
    text = render(report, "csv", CATALOG).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    found = {r["figure"]: r for r in rows if r["section"] == "Key figures" and not r["row"]}
    assert int(found["Runs"]["value"]) == figures(report)["Runs"].value
    assert found["Cost"]["unit"] == "pusd"
    assert {row["since"] for row in rows} == {"2026-11-20T00:00:00+00:00"}


# -- periods and words


def test_weeks_begin_on_monday_and_have_the_iso_number() -> None:
    found = periods.period_of("weekly", date(2027, 1, 3), UTC_ZONE)
    assert (found.code, found.words) == ("2026-W53", "Week 53: 28 December 2026 to 3 January 2027")


def test_a_time_that_clocks_skipped_is_refused() -> None:
    paris = ZoneInfo("Europe/Paris")
    with pytest.raises(InvalidInput, match="put forward"):
        periods.moment_us("2026-03-29T02:30", paris)
    twice = periods.moment_us("2026-10-25T02:30", paris)
    assert local(twice, paris).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01", "9999-12-31T23:59", "2026-13-01"])
def test_a_nonsense_time_is_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput):
        periods.moment_us(text, ZoneInfo("Asia/Kathmandu"))


@pytest.mark.parametrize("length", [0, -HOUR_US, 15 * 24 * HOUR_US])
def test_an_impossible_incident_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput):
        periods.incident(NOW_US, NOW_US + length, UTC_ZONE)


def test_changes_are_points_for_shares_and_never_a_ratio_to_nothing() -> None:
    def figure(value: float, before: float, **more: Any) -> Figure:
        return Figure(name="f", value=value, before=before, **{"unit": "count", **more})

    assert change(figure(110, 100)) == "+10 %"
    assert change(figure(5, 0)) is None
    hardly = figure(10_001, 10_000, better="up")
    assert (change(hardly), verdict(hardly)) == ("hardly changed", "neither")
    worse = figure(0.06, 0.05, unit="share", better="down")
    assert (change(worse), verdict(worse)) == ("+1.0 points", "bad")
    assert verdict(figure(9, 5, better="down", sound=False)) == "neither"


def test_people_read_names_and_machines_read_codes(path: Path, make: Make) -> None:
    write(path, run_at(0, NOW_US - HOUR_US))
    report = make("weekly", day=local(NOW_US, UTC_ZONE).date())
    titles = {"policy": "Policy & compliance"}
    table = Table(
        name="T",
        columns=(
            Column(name="Agent", unit="agent"),
            Column(name="Status", unit="status"),
            Column(name="Error", unit="error"),
            Column(name="Change", unit="pusd", signed=True),
        ),
        rows=[
            ("policy", "cancelled", "ModelRateLimited", 2 * 10**12),
            ("x", "ok", None, -(10**12)),
        ],
    )
    whole = replace(report, sections=(Section(title="S", blocks=(table,)),))
    for form in ("html", "md"):
        text = html.unescape(render(whole, form, CATALOG, titles).decode()).replace("\\", "")
        for said in ("Policy & compliance", "Stopped", "Rate limited", "+$2.00", "-$1.00"):
            assert said in text, (form, said)
        assert "cancelled" not in text
    for form in ("json", "csv"):
        raw = render(whole, form, CATALOG, titles).decode()
        assert "cancelled" in raw
        assert "ModelRateLimited" in raw
        assert "Policy" not in raw
    writer = Writer(zone=UTC_ZONE, catalog=CATALOG, agents=titles)
    chart = charts(report)["Runs by status"]
    assert [writer.text(series.name, chart.names) for series in chart.series] == ["Completed"]


def test_unknown_is_said_and_durations_are_readable() -> None:
    writer = Writer(zone=UTC_ZONE, catalog=CATALOG)
    assert [writer.text(None, "pusd"), writer.text(0, "pusd")] == ["unknown", "$0"]
    assert [duration(us) for us in (0, 400, 45_000, 2_345_000, 125e6, 11.4e9)] == [
        "0 ms", "< 1 ms", "45 ms", "2.35 s", "2 min 5 s", "3 h 10 min",
    ]  # fmt: skip
