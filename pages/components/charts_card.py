"""The frame of a chart: its title, the question it answers, its definition, and its data as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from analytics.timeaxis import local

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.timeaxis import Bucket

Cell = str | float | None
Table = tuple[Sequence[str], Iterable[Sequence[Cell]]]
"""Header and rows."""

# A spreadsheet runs a text that begins so as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def card(
    name: str,
    title: str,
    question: str,
    *,
    definition: str,
    data: Callable[[], Table],
    control: Callable[[], None] | None = None,
) -> Iterator[None]:
    """What is drawn inside is the chart. `data` is called only when somebody downloads it.

    `control` draws a widget beside the title.
    """
    with st.container(border=True, key=f"card_{name}", gap="xsmall", height="stretch"):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(f"**{title}**", help=definition, width="content")
            if control is not None:
                control()
            st.download_button(
                "CSV",
                lambda: to_csv(*data()),
                file_name=f"switchboard-{name}-{datetime.now():%Y%m%d-%H%M}.csv",
                mime="text/csv",
                key=f"csv_{name}",
                help=f"Download the data of “{title}”",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )
        st.caption(question)
        yield


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """CSV that spreadsheets open as text and numbers, never as formulas. Unknown is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([safe_cell(name) for name in header])
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")  # the mark makes Excel read UTF-8


def safe_cell(value: Cell) -> Cell:
    """Text that would be a formula gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def bucket_cells(buckets: Sequence[Bucket], zone: ZoneInfo) -> list[list[Cell]]:
    """The first columns of every table over time: start, end, whole or cut."""
    return [
        [
            local(bucket.start_us, zone).isoformat(timespec="seconds"),
            local(bucket.end_us, zone).isoformat(timespec="seconds"),
            "cut" if bucket.partial else "whole",
        ]
        for bucket in buckets
    ]


BUCKET_HEADER = ("bucket_start", "bucket_end", "bucket")
