"""Room for the names of contestants, which can be long: they wrap, in tables and beside charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import streamlit as st

from pages.components.charts_axes import Option
from pages.components.dashboard_tables import Column

LABEL: Option = {"width": 130, "overflow": "break", "fontSize": 11, "lineHeight": 13, "interval": 0}
"""Of names on an axis, as ECharts' `axisLabel`: three lines of a row's height."""
_LEAST_PX, _MOST_PX = 110, 200
"""Of a column that stays where it is: on a phone something must fit beside it."""
_LETTER_PX, _AROUND_PX = 6.2, 24
_ROW_PX, _LINE_PX = 35, 20
_RAGGED = 1.15
"""Lines end at words, so that a name needs more than its length."""
_GREY = "color: #8A9499"


def name_px(names: Sequence[str]) -> int:
    """Width of a column of these names."""
    return min(max(_LEAST_PX, _AROUND_PX + _longest_px(names)), _MOST_PX)


def row_px(names: Sequence[str]) -> int:
    """Height of rows in which the longest of these names has room."""
    lines = 1
    if name_px(names) < _AROUND_PX + _longest_px(names):
        lines = ceil(_longest_px(names) * _RAGGED / (_MOST_PX - _AROUND_PX))
    return _ROW_PX + _LINE_PX * (lines - 1)


def draw_named(columns: Mapping[str, Column], named: Sequence[str], *, alt: str, key: str) -> None:
    """`st.dataframe` of columns of words; the `named` ones hold names, the first column stays."""
    import pandas as pd  # imported by the warm-up

    frame = pd.DataFrame({name: pd.Series(c.values, dtype=object) for name, c in columns.items()})
    styler = frame.infer_objects().style
    for name, column in columns.items():
        if any(column.grey):
            marks = [_GREY if grey else "" for grey in column.grey]
            styler = styler.apply(lambda _, marks=marks: marks, subset=[name])
    first = next(iter(columns))
    config: dict[str, Any] = {
        name: st.column_config.Column(
            help=column.help or None,
            pinned=name == first,
            width=name_px(column.values) if name in named else None,
        )
        for name, column in columns.items()
    }
    names = [name for column in named for name in columns[column].values]
    st.dataframe(
        styler, hide_index=True, column_config=config, row_height=row_px(names), alt=alt, key=key
    )


def _longest_px(names: Sequence[str]) -> int:
    return ceil(_LETTER_PX * max(map(len, names), default=0))
