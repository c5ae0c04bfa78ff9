"""A table of coloured cells with words in them, as an ECharts option: routing, cohorts.

Names go into data only, never into a tooltip's template: that is HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.charts import HEIGHT
from pages.components.charts_axes import Option

_ROW_PX, _FRAME_PX = 46, 84
_LIGHT, _FULL = (207, 227, 241), (0, 114, 178)
_INK, _PAPER = "#10201d", "#ffffff"
_DARK_FROM = 0.55


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixCell:
    """A cell: its text, the words of its tooltip, and 0..1 for its colour."""

    column: int
    row: int
    weight: float
    text: str
    said: str


def matrix(
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Sequence[MatrixCell],
    *,
    titles: tuple[str, str] = ("", ""),
) -> Option:
    """A table of coloured cells with words in them; the first row is on top.

    `titles`: of the columns and of the rows.
    """
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 12, "top": 26 if titles[1] else 8,
                 "bottom": 24 if titles[0] else 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {"type": "category", "data": list(columns), "axisTick": {"show": False},
                  "name": titles[0], "nameLocation": "middle", "nameGap": 38,
                  "axisLabel": {"interval": 0, "width": 62, "overflow": "break", "fontSize": 11,
                                "lineHeight": 14}},
        "yAxis": {"type": "category", "data": list(rows), "inverse": True,
                  "axisTick": {"show": False},
                  "name": titles[1], "nameLocation": "start", "nameGap": 12,
                  "nameTextStyle": {"align": "right"},
                  "axisLabel": {"width": 80, "overflow": "break", "fontSize": 11, "lineHeight": 14}},
        "series": [
            {
                "type": "heatmap",
                "data": [
                    {
                        "name": cell.said,
                        "value": [cell.column, cell.row, round(cell.weight, 4)],
                        "itemStyle": {"color": _shade(cell.weight), "borderRadius": 2},
                        "label": {"show": True, "formatter": cell.text, "fontSize": 11, "lineHeight": 14,
                                  "color": _PAPER if cell.weight >= _DARK_FROM else _INK},
                    }
                    for cell in cells
                ],
            }
        ],
    }  # fmt: skip


def matrix_px(rows: int) -> int:
    """Pixels a matrix of so many rows needs."""
    return max(HEIGHT, _FRAME_PX + _ROW_PX * rows)


def _shade(weight: float) -> str:
    """Opaque, so that the words in it are readable in the light and the dark."""
    part = min(1.0, max(0.0, weight))
    mixed = [round(a + (b - a) * part) for a, b in zip(_LIGHT, _FULL, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
