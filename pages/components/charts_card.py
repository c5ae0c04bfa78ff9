"""The frame of a chart: its title, the question it answers, its definition, and its data as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from analytics.export_csv import Cell as Cell
from analytics.export_csv import safe_cell as safe_cell
from analytics.export_csv import to_csv as to_csv
from analytics.timeaxis import local

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.timeaxis import Bucket

Table = tuple[Sequence[str], Iterable[Sequence[Cell]]]
"""Header and rows."""


@contextmanager
def card(
    name: str,
    title: str,
    question: str,
    *,
    definition: str,
    data: Callable[[], Table],
    control: Callable[[], None] | None = None,
    runs: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[None]:
    """What is drawn inside is the chart. `data` is called only when somebody downloads it.

    `control` draws a widget beside the title. `runs` are filters of the runs behind the chart, on
    top of those of the page: `{}` for all of them, None for no link.
    """
    with st.container(border=True, key=f"card_{name}", gap="xsmall", height="stretch"):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(f"**{title}**", help=definition, width="content")
            with st.container(
                horizontal=True, vertical_alignment="center", gap="xsmall", width="content"
            ):
                if control is not None:
                    control()
                if runs is not None:
                    _runs_link(name, runs, title)
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


def _runs_link(name: str, runs: Mapping[str, Sequence[str]], title: str) -> None:
    # A page link to the page one is on leaves the browser's address as it was; the next run of the
    # script would go back to it.
    if st.button(
        "Runs", key=f"runs_of_{name}", icon=":material/list:", type="tertiary",
        help=f"The runs behind “{title}”",
    ):  # fmt: skip
        st.query_params.from_dict(_asked() | {one: list(v) for one, v in runs.items()})
        st.rerun()


def _asked() -> dict[str, list[str]]:
    """The address with the tab of runs, from its first page on."""
    left_out = ("before", "tab")
    kept = {one: st.query_params.get_all(one) for one in st.query_params if one not in left_out}
    return kept | {"tab": ["runs"]}


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
