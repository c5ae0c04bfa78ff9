"""How far the figures can be trusted: coverage of usage, price and first token, and what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.charts_card import Cell, Table, card
from pages.components.format import count, duration, share, size
from pages.components.health_words import per_second

if TYPE_CHECKING:
    from analytics.metrics import Rate
    from analytics.queries import DataQuality
    from analytics.recorder import RecorderHealth

GOOD = 0.95
"""A coverage below this is marked."""
_DEFINITION = (
    "Usage: calls whose tokens the provider itself reported. Priced: calls whose cost is known. "
    "First token: successful calls that streamed one."
)
_OF_RECORDER = (
    " Dropped, write lag and rows per second (of the last minute) are of the recorder, since "
    "Switchboard started. Growth of the database: {}."
)


def show_quality(
    quality: DataQuality, health: RecorderHealth | None, growth: tuple[str, str] = ("", "")
) -> None:
    """A bar of coverages and a sentence of what is wrong, if anything is. `growth`: see
    `health_words.growth_words`. `health`: None for who sees nothing of the installation.
    """
    rows = coverages(quality)
    with card(
        "data-quality",
        "Data quality",
        f"How far can these figures be trusted? n = {count(quality.provider_usage.n)} calls",
        definition=_DEFINITION + (_OF_RECORDER.format(growth[1]) if health else ""),
        data=lambda: _table(quality, health),
        runs={},
    ):
        with st.grid(5, min_column_width=150, gap="small", key="quality"):
            for name, rate in rows:
                show_coverage(name, rate)
            if health is not None:
                _show_recorder(health, growth[0])
        for sentence in doubts(quality, health.dropped if health else 0):
            st.caption(f":material/warning: :orange[{sentence}]")


def _show_recorder(health: RecorderHealth, growth: str) -> None:
    _fact("Dropped runs", count(health.dropped), bad=health.dropped > 0)
    lag = duration(health.lag_us) if health.lag_us else "none"
    _fact("Write lag", lag, bad=health.failing)
    _fact("Rows per second", per_second(health.rows_per_s), bad=False)
    _fact("Database", size(health.file_bytes), bad=False)
    _fact("Growth", growth, bad=False)


def coverages(quality: DataQuality) -> list[tuple[str, Rate]]:
    return [
        ("Usage from provider", quality.provider_usage),
        ("Priced", quality.priced),
        ("With a first token", quality.first_token),
    ]


def doubts(quality: DataQuality, dropped: int = 0) -> list[str]:
    """What makes figures wrong or incomplete, in words."""
    found = (
        ("calls with contradictory token counts", quality.contradictory),
        (r"calls that were used but priced at \$0", quality.free_but_used),
        ("runs lost when Switchboard ended", quality.lost_runs),
        ("finished runs that could not be recorded", dropped),
    )
    return [f"{words}: {count(number)}" for words, number in found if number]


def show_coverage(name: str, rate: Rate) -> None:
    """A bar with its share; marked when it is below `GOOD`."""
    with st.container(gap="xsmall"):
        mark = "" if rate.share is None or rate.share >= GOOD else ":material/warning: "
        st.caption(f"{mark}{name}")
        shown = "no calls" if rate.share is None else f"**{share(rate.share)}**"
        st.progress(rate.share or 0.0, text=shown)


def _fact(name: str, value: str, *, bad: bool) -> None:
    with st.container(gap="xsmall"):
        st.caption(f"{':material/warning: ' if bad else ''}{name}")
        st.markdown(f":orange[**{value}**]" if bad else f"**{value}**")


def _table(quality: DataQuality, health: RecorderHealth | None) -> Table:
    rows: list[list[Cell]] = [[name, rate.k, rate.n] for name, rate in coverages(quality)]
    counted: list[tuple[str, Cell]] = [
        ("Contradictory", quality.contradictory),
        ("Used but free", quality.free_but_used),
        ("Lost runs", quality.lost_runs),
    ]
    if health is not None:
        counted += [
            ("Dropped runs", health.dropped),
            ("Write lag (us)", health.lag_us),
            ("Database (bytes)", health.file_bytes),
        ]
    rows += [[name, value, None] for name, value in counted]
    return ["what", "count", "of"], rows
