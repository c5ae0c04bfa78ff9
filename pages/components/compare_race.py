"""The race: how many tokens each column had after how many seconds, while they come and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pages.components.compare_runs import Column
from pages.components.format import duration

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.runtime import Runtime
    from core.events import Event

EVERY_S = 1.0
"""Each redraw stops the text of all columns: twice a second every fourteenth step was late."""
POINTS = 30
"""Per line: what a small chart can show, and little enough to draw while text comes."""
_NEUTRAL = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe-Ito, by position: while it is hidden who answers, the model's colour would tell."""
_DASHES = ("solid", "dashed", "dotted")

Line = list[tuple[float, int]]


def show(slot: DeltaGenerator, runtime: Runtime, columns: Sequence[Column]) -> None:
    """Draws the lines as they are now; nothing before the first token."""
    lines = [line_of(_events(runtime, column)) for column in columns]
    if not any(lines):
        return
    slot.echarts_chart(
        spec(columns, lines, _colors(runtime, columns)),
        height=170,
        alt=alt(columns, lines),
    )


def _events(runtime: Runtime, column: Column) -> Sequence[Event]:
    if column.run is not None:
        return column.run.read()
    if not column.there or column.run_id is None:
        return ()
    from pages.components import session

    return runtime.events(column.run_id, session.owner())


def line_of(events: Sequence[Event]) -> Line:
    """(seconds since the submit, tokens so far): at most POINTS points, first and last included.

    A token is a piece of text as it arrived: about a token of the model.
    """
    times = [event.elapsed_us for event in events if event.type == "token"]
    if not times:
        return []
    step = max(1, (len(times) - 1) // (POINTS - 1)) if len(times) > 1 else 1
    kept = [*range(0, len(times), step), len(times) - 1]
    return [(round(times[k] / 1e6, 2), k + 1) for k in dict.fromkeys(kept)]


def _colors(runtime: Runtime, columns: Sequence[Column]) -> list[str]:
    """The models' colours, or the neutral ones where two columns would look the same."""
    if any(column.hidden for column in columns):
        return list(_NEUTRAL[: len(columns)])
    models = [column.configuration.model for column in columns]
    colors = [runtime.catalog.color(model) for model in models if model]
    alike = len(set(colors)) < len(columns)
    return list(_NEUTRAL[: len(columns)]) if alike else colors


def spec(columns: Sequence[Column], lines: Sequence[Line], colors: Sequence[str]) -> dict[str, Any]:
    """ECharts options: one stepless line per column, named by its letter at its end."""
    return {
        "animation": False,
        "grid": {"left": 44, "right": 56, "top": 22, "bottom": 26},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "value",
            "min": 0,
            "axisLabel": {"formatter": "{value} s", "hideOverlap": True},
            "splitLine": {"show": False},
        },
        "yAxis": {"type": "value", "name": "tokens", "splitNumber": 3, "min": 0},
        "series": [
            {
                "name": _name(column),
                "type": "line",
                "showSymbol": False,
                "color": color,
                "lineStyle": {"width": 2, "type": _DASHES[n // 2 % len(_DASHES)]},
                "labelLayout": {"moveOverlap": "shiftY"},
                "endLabel": {
                    "show": True,
                    "formatter": column.letter,
                    "color": color,
                    "lineHeight": 13,
                },
                "data": line,
            }
            for n, (column, line, color) in enumerate(zip(columns, lines, colors, strict=True))
            if line
        ],
    }


def _name(column: Column) -> str:
    return column.letter if column.hidden else f"{column.letter} · {column.label}"


def alt(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """The chart in a sentence."""
    parts = [
        f"{_name(column)}: {line[-1][1]} tokens after {duration(line[-1][0] * 1e6)}"
        for column, line in zip(columns, lines, strict=True)
        if line
    ]
    return "Tokens over time by column. " + "; ".join(parts)
