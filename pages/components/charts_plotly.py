"""Plotly figures: where the time goes, and the waterfall of one run. Pure; drawn by others.

For what changes on a filter or a click only: Streamlit draws a changed Plotly chart anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from pages.components.format import duration, share

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from analytics.queries import Shares

FAILED = "Failed attempt"
# One colour per kind of work, in both charts (Okabe and Ito's palette).
KIND_COLORS = {
    "Supervisor": "#CC79A7",
    "Retrieval": "#E69F00",
    "Tools": "#56B4E9",
    "Model": "#009E73",
    "Other": "#8A9499",
    "Agent": "rgba(138,148,153,0.4)",
    FAILED: "#D55E00",
}
_SHARES = {
    "Supervisor": "supervisor_us",
    "Retrieval": "retrieval_us",
    "Tools": "tool_us",
    "Model": "model_us",
    "Other": "other_us",
}
ROW_PX = 26
MAX_LABEL = 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar of a waterfall; times in microseconds from the submit."""

    label: str
    kind: str
    offset_us: int
    duration_us: int
    note: str
    """What the tooltip says besides, as plain text."""


def shares_figure(rows: Sequence[tuple[str, Shares]]) -> go.Figure:
    """One bar of 100 % per group of runs; the parts are exclusive and add up."""
    import plotly.graph_objects as go

    shown = [(label, part) for label, part in rows if part.n and part.duration_us]
    labels = [f"{label}<br>{duration(part.duration_us / part.n)}" for label, part in shown]
    figure = go.Figure()
    for kind, column in _SHARES.items():
        parts = [getattr(part, column) / part.duration_us for _, part in shown]
        means = [duration(getattr(part, column) / part.n) for _, part in shown]
        if any(parts):
            figure.add_bar(
                y=labels, x=parts, name=kind, orientation="h", marker_color=KIND_COLORS[kind],
                text=[share(p) if p >= 0.12 else "" for p in parts], textposition="inside",
                insidetextanchor="middle", textangle=0, customdata=means,
                hovertemplate=f"{kind}: %{{customdata}} per run (%{{x:.1%}})<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.35, **_layout(300))
    figure.update_xaxes(
        tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1], range=[0, 1.01], fixedrange=True
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True)
    return figure


def waterfall_figure(bars: Sequence[Bar], first_token_us: int | None, end_us: int) -> go.Figure:
    """Bars in the order they began, one row each, coloured by kind of work."""
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
            name=kind, orientation="h", marker_color=KIND_COLORS[kind], showlegend=False,
            text=[_on_bar(bar) for _, bar in mine], textposition="auto", textangle=0,
            customdata=[[escape(bar.label), _lines(bar)] for _, bar in mine],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
        )  # fmt: skip
    if first_token_us is not None:
        figure.add_vline(
            x=first_token_us / scale, line_dash="dot", line_width=1.5,
            annotation_text=f"first token {duration(first_token_us)}", annotation_position="top",
        )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0.3, **_layout(70 + ROW_PX * len(bars), top=26))
    figure.update_xaxes(
        ticksuffix=f" {unit}", range=[0, max(end_us, 1) * 1.04 / scale], fixedrange=True
    )
    figure.update_yaxes(
        tickvals=rows, ticktext=[escape(_short(bar.label)) for bar in bars],
        range=[len(bars) - 0.4, -0.6], fixedrange=True, automargin=True,
    )  # fmt: skip
    return figure


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


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"


def _layout(height: int, top: int = 60) -> dict[str, object]:
    return {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": top, "b": 8},
        "legend": {
            "orientation": "h",
            "yref": "container",
            "yanchor": "top",
            "y": 1,
            "x": 0,
            "traceorder": "normal",
        },
        "hoverlabel": {"align": "left"},
    }
