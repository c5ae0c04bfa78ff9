"""Where the time of a run goes: exclusive parts that add up to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial

import streamlit as st

from analytics.queries import Shares, TimeShares
from pages.components.charts import HEIGHT
from pages.components.charts_card import Table, card
from pages.components.charts_parts import Part, stacks
from pages.components.charts_plotly import KIND_COLORS
from pages.components.format import count, duration, share

_SHARES_HELP = (
    "Each moment of a run counts once: model before retrieval before tools before choosing the agent; "
    "the rest is our own code and waiting. First token: model time before the first token was shown. "
    "Around p50 and p95: runs within 2.5 % of that rank."
)
_FIRST_TOKEN = "#B8A800"
_KINDS: tuple[tuple[str, str, Callable[[Shares], int]], ...] = (
    ("Supervisor", KIND_COLORS["Supervisor"], lambda part: part.supervisor_us),
    ("Retrieval", KIND_COLORS["Retrieval"], lambda part: part.retrieval_us),
    ("Tools", KIND_COLORS["Tools"], lambda part: part.tool_us),
    ("Model, first token", _FIRST_TOKEN, lambda part: part.model_us - part.writing_us),
    ("Model, writing", KIND_COLORS["Model"], lambda part: part.writing_us),
    ("Other", KIND_COLORS["Other"], lambda part: part.other_us),
)  # fmt: skip


def show_shares(found: TimeShares) -> None:
    """Where the time of successful runs goes: all together, the middle ones, the slow ones."""
    rows = [
        ("All runs", found.everything), ("Around p50", found.median), ("Around p95", found.p95)
    ]  # fmt: skip
    sizes = ", ".join(f"{label.lower()} n = {count(part.n)}" for label, part in rows)
    with card(
        "time-shares",
        "Where the time goes",
        f"What would make answers faster? {sizes}",
        definition=_SHARES_HELP,
        data=partial(_shares_table, rows),
        runs={"status": ["ok"]},
    ):
        shown = [(label, part) for label, part in rows if part.n and part.duration_us]
        if not shown:
            st.info("No run of this range has completed.", icon=":material/hourglass_empty:")
            return
        parts = (f"{label}: model {_part(part)}" for label, part in shown)
        names = [f"{label}\n{duration(part.duration_us / part.n)}" for label, part in shown]
        stacked = [
            _stack(name, color, [(of(part), part) for _, part in shown])
            for name, color, of in _KINDS
        ]
        st.echarts_chart(
            stacks(names, [one for one in stacked if any(one.shares)]), key="chart_shares",
            height=HEIGHT, alt="Shares of the time of a run. " + ", ".join(parts),
        )  # fmt: skip


def _stack(name: str, color: str, parts: Sequence[tuple[int, Shares]]) -> Part:
    return Part(
        name=name,
        color=color,
        shares=[us / part.duration_us for us, part in parts],
        said=[
            f"{duration(us / part.n)} per run ({share(us / part.duration_us)})"
            for us, part in parts
        ],
    )


def _shares_table(rows: Sequence[tuple[str, Shares]]) -> Table:
    names = [field.name for field in fields(Shares)]
    return ["runs", *names], [[label, *(getattr(part, n) for n in names)] for label, part in rows]


def _part(part: Shares) -> str:
    return share(part.model_us / part.duration_us if part.duration_us else None)
