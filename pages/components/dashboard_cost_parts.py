"""What the tabs Cost and Reliability are built of: tiles, horizontal bars, tables with buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ids import is_id
from pages.components.charts import GREY as GREY
from pages.components.charts import HEIGHT, PALE, Count, Series, bars
from pages.components.charts_axes import ONES, Option, Unit, bucket_labels, with_legend, with_step
from pages.components.charts_card import BUCKET_HEADER, Cell, Table, bucket_cells
from pages.components.dashboard_runs import set_run
from pages.components.dashboard_tables import Column
from pages.components.dashboard_tiles import show_tile
from pages.components.format import usd as usd
from pages.components.format import usd_alike

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.timeaxis import Bucket, BucketSize
    from pages.components.dashboard_tab import Tab

TOP = 8
ROW_PX = 34
_NAMES = {"width": 130, "overflow": "truncate"}
_ROWS = "_rows_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure with what it rests on. None = unknown; `points`: the change is in points."""

    label: str
    value: str | None
    note: str
    help: str
    now: float | None = None
    before: float | None = None
    better: str = "down"
    """Which way is good: "up", "down" or "neither"."""
    points: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """One colour of horizontal bars: a value per row, with the words of its tooltip."""

    name: str
    color: str
    values: Sequence[float]
    said: Sequence[str]


def show_tiles(key: str, tiles: Sequence[Tile]) -> None:
    """Three in a row, two on a phone."""
    with st.grid(3, min_column_width=165, gap="small", key=key):
        for tile in tiles:
            change = _change(tile)
            show_tile(
                tile.label, tile.value, tile.note, help=tile.help, change=change,
                color=_color(tile, change),
            )  # fmt: skip


def _change(tile: Tile) -> str | int | None:
    """Percent or percentage points. A flat period is the number 0: grey, without an arrow."""
    if tile.now is None or tile.before is None:
        return None
    if tile.points:
        points = (tile.now - tile.before) * 100
        return f"{points:+.1f} points" if abs(points) >= 0.05 else 0
    if tile.before <= 0:
        return None
    percent = (tile.now / tile.before - 1) * 100
    return f"{percent:+,.0f} %" if abs(percent) >= 0.5 else 0


def _color(tile: Tile, change: str | int | None) -> Any:
    if tile.better == "neither" or change is None:
        return "primary"
    return "inverse" if tile.better == "down" else "normal"


def comparable(tab: Tab) -> bool:
    """Whether the period before was recorded from its beginning: else every change is growth."""
    before = tab.figures.window(tab.keep).before()
    return before.since_us >= tab.records_since_us > 0


def money(pusd: float | None) -> str:
    """Money as Markdown."""
    return usd(pusd).replace("$", "\\$")


def money_column(
    values: Sequence[float | None], *, help: str = "", grey: Sequence[bool] = ()
) -> Column:
    """A column of pico-USD, all written with equally many decimals."""
    return Column(values=values, show=usd_alike(values), unit="pico-USD", help=help, grey=grey)


def draw(key: str, option: Option, alt: str, height: int = HEIGHT) -> None:
    st.echarts_chart(option, key=f"chart_{key}", height=height, alt=alt)


def whole(buckets: Sequence[Bucket]) -> list[bool]:
    """False where the range cuts a bucket: it is drawn pale."""
    return [not bucket.partial for bucket in buckets]


def over_time(
    values: Mapping[str, Sequence[int]],
    colors: Mapping[str, str],
    names: Mapping[str, str],
    size: BucketSize,
    buckets: Sequence[Bucket],
    unit: Unit,
    also: Sequence[Count],
    zone: ZoneInfo,
) -> Option:
    """Stacked bars of the largest few; the rest is one grey part."""
    sound = whole(buckets)
    used = [name for name in values if any(values[name])]
    drawn = [
        Series(name=names[name], color=colors[name], values=values[name], sound=sound)
        for name in used[:TOP]
    ]
    rest = [values[name] for name in used[TOP:]]
    if rest:
        summed = [sum(column) for column in zip(*rest, strict=True)]
        drawn.append(Series(name=f"{len(rest)} others", color=GREY, values=summed, sound=sound))
    return bars(bucket_labels(buckets, size, zone), drawn, unit, also)


def rows(names: Sequence[str], stacks: Sequence[Stack], unit: Unit) -> Option:
    """Horizontal bars, stacked, one row per name; the first name on top."""
    totals = [sum(row) * unit.factor for row in zip(*(one.values for one in stacks), strict=True)]
    low, high = min(totals, default=0), max(totals, default=0)
    axis = {
        "type": "value",
        "axisLabel": {"formatter": unit.axis, "hideOverlap": True, "alignMaxLabel": "right"},
    }
    option = {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 28, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{a}: {b}"},
        "xAxis": with_step(axis, low, high, whole=unit is ONES),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": list(names),
            "axisTick": {"show": False},
            "axisLabel": _NAMES,
        },
        "series": [
            {
                "type": "bar",
                "stack": "all",
                "name": one.name,
                "color": one.color,
                "barMaxWidth": 26,
                "data": [
                    {"name": said, "value": float(f"{value * unit.factor:.6g}")}
                    for value, said in zip(one.values, one.said, strict=True)
                ],
            }
            for one in stacks
        ],
    }
    return with_legend(option, [one.name for one in stacks])


def height_of(count: int) -> int:
    """Pixels for so many rows with a legend above."""
    return max(HEIGHT, 70 + ROW_PX * count)


def band(
    low: Sequence[float | None], high: Sequence[float | None], color: str, unit: Unit, name: str
) -> list[Option]:
    """Series that fill the space between two lines, and say both ends in the tooltip."""
    ends = [[_at(value, unit) for value in side] for side in (low, high)]
    width = [
        None if a is None or b is None else round(b - a, 9) for a, b in zip(*ends, strict=True)
    ]
    shared = {
        "type": "line", "symbol": "none", "silent": True, "lineStyle": {"opacity": 0}, "color": color,
    }  # fmt: skip
    filled = [
        shared | {"name": f"{name} floor", "stack": name, "data": ends[0],
                  "tooltip": {"show": False}},
        shared | {"name": f"{name} width", "stack": name, "data": width,
                  "areaStyle": {"opacity": PALE / 2, "color": color}, "tooltip": {"show": False}},
    ]  # fmt: skip
    said = [
        shared | {"name": f"{name} {side}", "data": values, "color": "rgba(0,0,0,0)",
                  "tooltip": {"valueFormatter": unit.tooltip}}
        for side, values in zip(("from", "to"), ends, strict=True)
    ]  # fmt: skip
    return [*filled, *said]


def with_band(
    option: Option,
    low: Sequence[float | None],
    high: Sequence[float | None],
    color: str,
    unit: Unit,
    name: str,
) -> Option:
    """A chart over time with a band behind it, and an axis with ticks for both."""
    ends = [value * unit.factor for value in (*low, *high) if value is not None]
    first, *others = option["yAxis"]
    axis = with_step(first, min(ends, default=0), max(ends, default=0))
    return option | {
        "yAxis": [axis, *others],
        "series": [*band(low, high, color, unit, name), *option["series"]],
    }


def _at(value: float | None, unit: Unit) -> float | None:
    return None if value is None else float(f"{value * unit.factor:.6g}")


def bucket_table(
    buckets: Sequence[Bucket], zone: ZoneInfo, columns: Mapping[str, Sequence[Cell]]
) -> Table:
    """A table over time for a download."""
    starts = bucket_cells(buckets, zone)
    body = [[*cells, *(c[k] for c in columns.values())] for k, cells in enumerate(starts)]
    return [*BUCKET_HEADER, *columns], body


def run_picker(name: str, ids: Sequence[str | None]) -> dict[str, Any]:
    """Options that make a click on a row of a table open its run."""
    st.session_state[_ROWS + name] = list(ids)
    return {
        "key": f"{name}_table",
        "on_select": lambda: _pick(name),
        "selection_mode": "single-row",
    }


def _pick(name: str) -> None:
    """A callback: the rows are those the click was made on, not those drawn next."""
    chosen = st.session_state[f"{name}_table"]["selection"]["rows"]
    ids = st.session_state.get(_ROWS + name, [])
    run_id = ids[chosen[0]] if chosen and 0 <= chosen[0] < len(ids) else None
    if run_id is not None and is_id(run_id):
        set_run(run_id)
