"""Under the columns: all of them in one table and one chart, once every run has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.comparing.labels import agent_name
from core.pricing import format_usd
from core.transcript import AnswerSummary
from core.words import error_name
from pages.components.answer import agent_title, cited_numbers
from pages.components.compare_runs import Column
from pages.components.format import UNKNOWN, count, duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from core.catalog import Catalog

BEST = ":material/trophy:"
LIGHT = "80"
"""The alpha of a lighter bar, written behind its colour."""
_STATUS = {
    "completed": "Completed",
    "cancelled": "Stopped",
    "error": "Failed",
    "interrupted": "Waiting for a person",
    "lost": "Lost",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One column of the table and one bar of the chart."""

    letter: str
    title: str
    asked: str
    """Label of the agent or graph that was chosen."""
    text: str
    summary: AnswerSummary

    @property
    def cost_pusd(self) -> int | None:
        """None unless every call is priced: a part of the cost cannot be the lowest."""
        return self.summary.cost_pusd if self.summary.cost_complete else None


Value = Callable[[Entry], float | None]


def entries_of(columns: Sequence[Column]) -> list[Entry]:
    """What of the columns can be shown in table and chart."""
    entries = []
    for column in columns:
        if column.there:
            text, summary = column.outcome()
            agent = agent_name(column.configuration.graph, column.configuration.agent)
            entries.append(
                Entry(
                    letter=column.letter, title=column.label, asked=agent, text=text,
                    summary=summary,
                )
            )  # fmt: skip
    return entries


def show_comparison(entries: Sequence[Entry], catalog: Catalog) -> None:
    """Draws table and chart; nothing when no answer is left."""
    if not entries:
        return
    st.subheader("Side by side", anchor=False)
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    st.table(
        pd.DataFrame(table_rows(entries)),
        border="horizontal",
        hide_index=True,
        alt="Times, speed, tokens and cost by column",
    )
    st.caption(
        f"{BEST} the best of the columns that completed. "
        "Times count from the submit, routing and retrieval included."
    )
    timed = [entry for entry in entries if entry.summary.duration_us is not None]
    if timed:
        st.echarts_chart(
            chart_spec(timed, catalog),
            height=80 + 52 * len(timed),
            key="compare_chart",
            alt=chart_alt(timed),
        )


def table_rows(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Header to cells, as Markdown; the first column names the rows."""
    rows: list[tuple[str, list[str]]] = [
        ("Status", [_status(entry.summary) for entry in entries]),
        ("Answered by", [escape(_answered_by(entry)) for entry in entries]),
        ("First token", _marked(entries, lambda e: e.summary.ttft_us, duration, min)),
        ("Total time", _marked(entries, lambda e: e.summary.duration_us, duration, min)),
        ("Tokens/s", _marked(entries, lambda e: e.summary.tokens_per_s, count, max)),
        ("Tokens in", [_tokens(e.summary, e.summary.input_tokens) for e in entries]),
        ("Tokens out", [_tokens(e.summary, e.summary.output_tokens) for e in entries]),
        ("Cost", _marked(entries, lambda e: e.cost_pusd, _usd, min)),
        ("Sources", [_sources(entry) for entry in entries]),
    ]
    heads = [f"{entry.letter} · {escape(entry.title)}" for entry in entries]
    return {"": [name for name, _ in rows]} | {
        head: [cells[n] for _, cells in rows] for n, head in enumerate(heads)
    }


def _marked(
    entries: Sequence[Entry],
    value: Value,
    show: Callable[[Any], str],
    better: Callable[..., tuple[float | None, str]],
) -> list[str]:
    """The cells of a row. Only completed columns can be the best, and only when there is a
    difference that can be read: values that are shown alike are alike."""
    cells = [show(value(entry)) for entry in entries]
    known = [
        (value(entry), cell)
        for entry, cell in zip(entries, cells, strict=True)
        if _may_win(entry) and value(entry) is not None
    ]
    if len({cell for _, cell in known}) < 2:
        return cells
    best = better(known)[1]
    return [
        f"**{cell}** {BEST}" if cell == best and _may_win(entry) else cell
        for entry, cell in zip(entries, cells, strict=True)
    ]


def _may_win(entry: Entry) -> bool:
    """An empty answer is quick and cheap, and no good."""
    return entry.summary.status == "completed" and bool(entry.text.strip())


def _status(summary: AnswerSummary) -> str:
    name = _STATUS.get(summary.status, summary.status)
    if summary.error:
        return f"{name}: {escape(error_name(str(summary.error.get('code', ''))))}"
    return f"{name}, with fallback" if summary.fallbacks else name


def _answered_by(entry: Entry) -> str:
    return agent_title(entry.summary.agent) if entry.summary.agent else entry.asked


def _tokens(summary: AnswerSummary, value: int | None) -> str:
    sign = "≈ " if summary.usage_estimated and value is not None else ""
    return sign + count(value)


def _usd(pusd: int | None) -> str:
    return format_usd(pusd).replace("$", "\\$")


def _sources(entry: Entry) -> str:
    found = entry.summary.sources
    if not found:
        return "none"
    numbers = {source["n"] for source in found}
    cited = sum(n in numbers for n in cited_numbers(entry.text))
    return f"{cited} cited of {len(found)}"


def chart_spec(entries: Sequence[Entry], catalog: Catalog) -> dict[str, Any]:
    """Two bars per column in its model's colour: light until the first token, full until the end."""
    colors = [catalog.color(entry.summary.model or entry.title) for entry in entries]
    names = [f"{entry.letter} · {entry.title}" for entry in entries]
    return {
        "grid": {"left": 8, "right": 90, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "value", "axisLabel": {"formatter": "{value} s"}},
        "yAxis": {"type": "category", "data": names, "inverse": True},
        "series": [
            _bars("First token", [e.summary.ttft_us for e in entries], [c + LIGHT for c in colors]),
            _bars("Total", [e.summary.duration_us for e in entries], colors),
        ],
    }


def _bars(name: str, values: Sequence[int | None], colors: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "bar",
        "barMaxWidth": 18,
        "tooltip": {"valueFormatter": "%.2f s"},
        "data": [
            {
                "value": None if us is None else us / 1e6,
                "itemStyle": {"color": color, "borderRadius": 3},
                "label": {
                    "show": us is not None,
                    "position": "right",
                    "formatter": f"{name} {duration(us)}",
                },
            }
            for us, color in zip(values, colors, strict=True)
        ],
    }


def chart_alt(entries: Sequence[Entry]) -> str:
    """The chart in a sentence."""
    parts = [
        f"{e.letter} {e.title}: first token {_spoken(e.summary.ttft_us)}, "
        f"total {_spoken(e.summary.duration_us)}"
        for e in entries
    ]
    return "Time to first token and total time by column. " + "; ".join(parts)


def _spoken(us: int | None) -> str:
    return UNKNOWN if us is None else duration(us)
