"""The waterfall of one run as a Plotly figure. Pure; drawn by others.

For what changes on a filter or a click only: Streamlit draws a changed Plotly chart anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from pages.components.format import duration

if TYPE_CHECKING:
    import plotly.graph_objects as go

FAILED = "Failed attempt"
# One colour per kind of work, in every chart (Okabe and Ito's palette). A failed attempt has no hue
# but a pattern: every hue of alarm belongs to some model.
KIND_COLORS = {
    "Supervisor": "#CC79A7",
    "Retrieval": "#E69F00",
    "Tools": "#56B4E9",
    "Model": "#009E73",
    "Other": "#8A9499",
    "Agent": "rgba(138,148,153,0.4)",
    FAILED: "#6B7477",
}
_PLATE = {"bgcolor": "rgba(250,250,250,0.9)", "font": {"color": "#16211f", "size": 11}}
"""Under the words on bars: readable on any colour and pattern, in light and dark."""
_CHAR_PX = 6.4
_INSIDE = 0.72
"""Of the width: a bar that ends later has its words inside."""
ROW_PX = 26
MARK = "#8A9499"
"""Visible on both grounds; Plotly's own is black on black in the dark."""
MAX_LABEL = 22
MAX_DEPTH = 4
DEEPER = "›"
BAR_WIDTH = 0.7
"""Of a row. Told, because Plotly makes the bars of a colour as wide as their rows are apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar of a waterfall; times in microseconds from the submit."""

    label: str
    kind: str
    offset_us: int
    duration_us: int
    note: str
    """What the tooltip says besides, as plain text."""
    depth: int = 0
    """How many bars it is inside of."""
    first_us: int | None = None
    """Of a model: from its begin to its first token. What is before is drawn paler."""


def label_px(bars: Sequence[Bar]) -> int:
    """How wide the names at the left are. Two waterfalls under each other need the same."""
    return 14 + round(_CHAR_PX * max((len(_plain_name(bar)) for bar in bars), default=0))


def waterfall_figure(
    bars: Sequence[Bar], first_token_us: int | None, end_us: int, left_px: int | None = None
) -> go.Figure:
    """Bars in the order they began, one row each, coloured by kind of work.

    `left_px`: see `label_px`; None for what these bars need.
    """
    import plotly.graph_objects as go

    figure, rows = go.Figure(), list(range(len(bars)))
    scale, unit = (1e3, "ms") if end_us < 2_000_000 else (1e6, "s")
    for kind in KIND_COLORS:
        mine = [(row, bar) for row, bar in zip(rows, bars, strict=True) if bar.kind == kind]
        if not mine:
            continue
        figure.add_bar(
            y=[row for row, _ in mine],
            base=[bar.offset_us / scale for _, bar in mine],
            x=[bar.duration_us / scale for _, bar in mine],
            width=BAR_WIDTH, name=kind, orientation="h", marker=_marker(kind),
            customdata=[[escape(bar.label), _lines(bar)] for _, bar in mine],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
        )  # fmt: skip
    _add_waiting(figure, bars, scale)
    if first_token_us is not None:
        figure.add_vline(
            x=first_token_us / scale, line_dash="dot", line_width=1.5, line_color=MARK, layer="below",
            annotation_text=f"first token {duration(first_token_us)}", annotation_position="top",
        )  # fmt: skip
    for row, bar in enumerate(bars):
        _add_words(figure, row, bar, scale, end_us)
    left = label_px(bars) if left_px is None else left_px
    figure.update_layout(barmode="overlay", **_layout(122 + ROW_PX * len(bars), top=70, left=left))
    figure.update_xaxes(
        ticksuffix=f" {unit}", range=[0, max(end_us, 1) * 1.04 / scale], fixedrange=True
    )
    figure.update_yaxes(
        tickvals=rows, ticktext=[_name(bar) for bar in bars],
        range=[len(bars) - 0.4, -0.6], fixedrange=True, automargin=False,
    )  # fmt: skip
    return figure


def _marker(kind: str) -> dict[str, object]:
    pattern = {"shape": "x", "size": 6, "fgcolor": "rgba(255,255,255,0.8)", "fillmode": "overlay"}
    return {"color": KIND_COLORS[kind], **({"pattern": pattern} if kind == FAILED else {})}


def _add_words(figure: go.Figure, row: int, bar: Bar, scale: float, end_us: int) -> None:
    """How long it took, beside a bar or inside its end. As annotations: text of bars has no plate."""
    words = _on_bar(bar)
    if not words:
        return
    ends = bar.offset_us + bar.duration_us
    inside = ends > _INSIDE * end_us
    figure.add_annotation(
        x=min(ends, end_us) / scale, y=row, text=words, showarrow=False, borderpad=1,
        xanchor="right" if inside else "left", xshift=-3 if inside else 3, **_PLATE,
    )  # fmt: skip


def _add_waiting(figure: go.Figure, bars: Sequence[Bar], scale: float) -> None:
    """The part of a model's bar before its first token: reading the prompt. The rest is writing."""
    mine = [(row, bar, bar.first_us) for row, bar in enumerate(bars) if bar.first_us]
    if not mine:
        return
    figure.add_bar(
        y=[row for row, _, _ in mine],
        base=[bar.offset_us / scale for _, bar, _ in mine],
        x=[min(first, bar.duration_us) / scale for _, bar, first in mine],
        width=BAR_WIDTH, orientation="h", showlegend=False, hoverinfo="skip",
        marker={"color": "rgba(255,255,255,0.45)", "line": {"width": 0},
                "pattern": {"shape": "/", "size": 6, "fgcolor": "rgba(0,0,0,0.25)"}},
    )  # fmt: skip


def _on_bar(bar: Bar) -> str:
    """Not by colour alone: a failed attempt says so. An agent's bar is the background of others."""
    if bar.kind == "Agent":
        return ""
    return (
        f"failed, {duration(bar.duration_us)}" if bar.kind == FAILED else duration(bar.duration_us)
    )


def _lines(bar: Bar) -> str:
    lasted = f"{bar.kind}: {duration(bar.duration_us)}, began after {duration(bar.offset_us)}"
    return "<br>".join(escape(part) for part in (lasted, *bar.note.split("\n")) if part)


def _name(bar: Bar) -> str:
    """With a mark for every bar it is inside of; blanks would be cut off."""
    return escape(_plain_name(bar))


def _plain_name(bar: Bar) -> str:
    return f"{DEEPER * min(bar.depth, MAX_DEPTH)} {_short(bar.label)}".lstrip()


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"


def _layout(height: int, top: int, left: int) -> dict[str, object]:
    return {
        "height": height,
        "margin": {"l": left, "r": 16, "t": top, "b": 8},
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "yref": "container",
            "yanchor": "top",
            "y": 1,
            "xref": "container",
            "x": 0,
            "font": {"size": 11},
            "itemwidth": 30,
            "traceorder": "normal",
        },
        "hoverlabel": {"align": "left"},
    }
