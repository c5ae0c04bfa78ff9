"""Axes, legends and marks of charts: even ticks, round times, room for names, notes about dashes."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics.intervals import minimum_n
from analytics.metrics import Percentile, Rate
from analytics.queries.latency import Week
from analytics.queries.overview import Change, Changes
from analytics.queries.quality import Quality, Rated, RatedSeries
from analytics.queries.service_level import Attainment
from analytics.queries.views import Annotation
from analytics.timeaxis import HOUR_US, Axis, Bucket, Window, axis_of, to_us
from core.catalog import load_catalog
from pages.components.charts import DASHED, Mark, Series, bars, lines
from pages.components.charts_axes import (
    NEUTRALS,
    SECONDS,
    bucket_labels,
    rounded_step,
    with_legend,
    with_step,
)
from pages.components.charts_parts import changes
from pages.components.dashboard_calls import mostly_enough
from pages.components.dashboard_changes import of_kind
from pages.components.dashboard_charts import marks_on
from pages.components.dashboard_quality import ENOUGH, longer
from pages.components.dashboard_slo import budget_left

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def axis(since: datetime, until: datetime) -> Axis:
    return axis_of(Window(since_us=to_us(since), until_us=to_us(until)), BERLIN)


def ticks(high: float) -> list[str]:
    """The ticks ECharts makes of the number of parts."""
    parts = with_step({}, 0, high).get("splitNumber", 5)
    digit, exponent = rounded_step(high / parts)
    step = float(f"{digit}e{exponent}")
    return [f"{n * step:.10f}".rstrip("0").rstrip(".") for n in range(1, ceil(high / step) + 1)]


@pytest.mark.parametrize(
    "high", [0.0042, 0.0098, 0.062, 0.0895, 0.092, 0.3, 0.7, 1, 1.3, 2.2, 25, 190]
)
def test_ticks_have_equally_many_decimals(high: float) -> None:
    found = ticks(high)
    assert len({len(tick.partition(".")[2]) for tick in found}) == 1
    assert 2 <= len(found) <= 6


def test_an_axis_without_values_is_left_alone() -> None:
    assert with_step({"type": "value"}, 0, 0) == {"type": "value"}
    assert with_step({}, 0, 3, whole=True)["minInterval"] == 1


def test_days_are_named_at_their_midnights_in_the_zone() -> None:
    found = axis(
        datetime(2026, 11, 14, 17, 12, tzinfo=BERLIN), datetime(2026, 11, 21, 17, 12, tzinfo=BERLIN)
    )
    labels = bucket_labels(found.buckets, found.size, BERLIN)
    assert [labels[place] for place in labels.ticks] == [
        f"{day} Nov 00:00" for day in range(15, 22)
    ]  # fmt: skip


def test_a_quarter_of_an_hour_is_named_every_few_minutes() -> None:
    found = axis(
        datetime(2026, 11, 14, 17, 3, 20, tzinfo=BERLIN),
        datetime(2026, 11, 14, 17, 18, 20, tzinfo=BERLIN),
    )
    labels = bucket_labels(found.buckets, found.size, BERLIN)
    assert [labels[place] for place in labels.ticks] == [
        f"17:{minute:02d}" for minute in range(4, 19, 2)
    ]  # fmt: skip


def test_a_legend_wraps_and_has_room_for_its_rows() -> None:
    names = ["Claude Haiku 4.5", "GPT-4o mini", "Nova Lite", "Built-in answerer", "ollama:llama3.2"]
    few, many = (with_legend({"grid": {"left": 8}}, names[:n]) for n in (1, 5))
    assert many["legend"]["type"] == "plain"
    phone, desk = (one["option"]["grid"]["top"] for one in many["media"])
    assert phone > desk > few["grid"]["top"] - 1
    assert many["media"][0]["query"] == {"maxWidth": 480}


def line(sound: list[bool]) -> Series:
    return Series(name="p95", color="#000000", values=[1e6] * len(sound), sound=sound)


def test_dashes_are_explained_where_there_are_any() -> None:
    labels = ["a", "b", "c"]
    explained = lines(labels, [line([True, False, True])], SECONDS)
    assert explained["legend"]["data"] == ["p95", DASHED]
    assert lines(labels, [line([False, True, False])], SECONDS)["legend"]["data"] == ["p95"]


def test_the_text_of_a_mark_is_level_and_stays_inside() -> None:
    one = Series(name="ok", color="#000000", values=[1.0] * 10, sound=[True] * 10)
    marks = [Mark(place=place, label="0.2.0", kind="release") for place in (1, 9)]
    found = bars(list("abcdefghij"), [one], SECONDS, marks=marks)["series"][-1]["markLine"]["data"]
    assert [mark["label"]["align"] for mark in found] == ["left", "right"]
    assert all(mark["label"]["rotate"] == 0 and mark["label"]["fontSize"] >= 11 for mark in found)


def test_the_first_release_of_all_is_no_change() -> None:
    buckets = [Bucket(start_us=0, end_us=10, partial=False)]
    first, second = (
        Annotation(
            annotation_id=label, at_us=5, kind="release", label=label, first=label == "0.1.0"
        )
        for label in ("0.1.0", "0.2.0")
    )
    assert marks_on(buckets, [first]) == []
    assert [mark.label for mark in marks_on(buckets, [first, second])] == ["0.2.0"]


def test_there_is_no_budget_before_the_first_run() -> None:
    hours = tuple(Bucket(start_us=k, end_us=k + 1, partial=False) for k in range(5))
    found = Attainment(
        size="1h", buckets=hours, met=(0, 0, 9, 0, 9), of=(0, 0, 10, 0, 10), target=0.9
    )
    assert budget_left(found) == [None, None, *(pytest.approx(left) for left in (0.5, 0.5, 0))]


def test_what_changed_is_ranked_within_a_kind() -> None:
    rows = tuple(
        Change(dimension="model" if k % 2 else "user", name=str(k), before=0, now=100 - k)
        for k in range(30)
    )
    shown = of_kind(Changes(of="runs", before=0, now=0, rows=rows, counted=30), "model")
    assert {row.dimension for row in shown.rows} == {"model"}
    assert ([row.name for row in shown.rows][:2], len(shown.rows), shown.counted) == (
        ["1", "3"],
        8,
        15,
    )


def test_amounts_of_changes_stand_in_a_column_of_their_own() -> None:
    option = changes(["a", "b"], [1e6, -1e6], ["a: 1", "b: 2"], SECONDS, ["+1", "−1"])
    names, amounts = option["yAxis"]
    assert (names["data"], amounts["data"], amounts["position"]) == (
        ["a", "b"],
        ["+1", "−1"],
        "right",
    )


def test_no_model_has_a_colour_of_what_is_no_model() -> None:
    assert not {model.color for model in load_catalog().models} & set(NEUTRALS)


def rated(counts: list[int]) -> Quality:
    window = Window(since_us=to_us(datetime(2026, 11, 1, tzinfo=UTC)), until_us=0)
    window = Window(since_us=window.since_us, until_us=window.since_us + len(counts) * HOUR_US)
    hours = axis_of(window, UTC, "1h")
    none = Rated(name=None, up=Rate(k=0, n=0), coverage=Rate(k=0, n=0))
    series = RatedSeries(
        size="1h", buckets=hours.buckets, up=tuple(counts), rated=tuple(counts), runs=tuple(counts)
    )
    return Quality(
        window=window, whole=True, overall=none, by={}, over_time=series, reasons=(), down=0
    )


def test_few_ratings_are_shown_in_longer_buckets() -> None:
    few = longer(rated([5] * 48), UTC)
    assert (few.size, few.rated) == ("6h", (30,) * 8)
    assert longer(rated([ENOUGH] * 48), UTC).size == "1h"


def test_buckets_are_never_so_long_that_no_line_is_left() -> None:
    assert len(longer(rated([0] * 47 + [1]), UTC).buckets) >= 4


@pytest.mark.parametrize(("n", "enough"), [(minimum_n(0.95), True), (minimum_n(0.95) - 1, False)])
def test_a_percentile_is_taken_that_most_hours_can_say(n: int, enough: bool) -> None:
    one = Percentile(q=0.95, value=1.0, n=n, maximum=1.0)
    none = Percentile(q=0.95, value=None, n=0, maximum=None)
    cells = tuple((one,) + (none,) * 23 for _ in range(7))
    assert mostly_enough(Week(q=0.95, cells=cells, n=7 * n, shortened=False)) is enough


def test_nothing_on_a_page_needs_a_font_of_emoji() -> None:
    """Tables and charts are drawn without the browser's help: where no such font is installed, the
    thumbs of the tab Quality were empty boxes."""
    pages = Path(__file__).parents[2] / "pages"
    found = [
        path.name
        for path in pages.rglob("*.py")
        if any("\U0001f300" <= sign <= "\U0001faff" for sign in path.read_text("utf-8"))
    ]
    assert found == []
