"""What changed: which models, agents or people made the difference to the period before.

One kind at a time: the same money is spent by a model, for an agent and by a person, so a ranking of
all kinds would show it three times.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, get_args

import streamlit as st

from analytics.queries.overview import Change, Changed, Changes, Dimension, what_changed
from pages.components.answer import agent_title
from pages.components.charts import HEIGHT
from pages.components.charts_axes import DOLLARS, count_unit
from pages.components.charts_card import Table, card
from pages.components.charts_parts import changes
from pages.components.format import count, usd, usd_alike

if TYPE_CHECKING:
    from core.catalog import Catalog
    from pages.components.dashboard_tab import Tab

TOP = 8
_ALL = 100_000
"""All contributors: the largest of each kind are taken here."""
NAMES: dict[Changed, str] = {"cost": "Cost", "runs": "Runs", "failures": "Failures"}
KINDS: dict[Dimension, str] = {"model": "Models", "agent": "Agents", "user": "Users"}
ABOUT_OTHERS: frozenset[Dimension] = frozenset({"user"})
"""Kinds that say something only about several people."""
_DEFINITION = (
    "The difference of each one to the period of equal length before. The differences of all models "
    "add up to the whole, and so do those of every other kind: one kind at a time is shown."
)


def show_changes(tab: Tab) -> None:
    """The largest contributors, whichever way they went."""
    chosen: Changed = st.session_state.get("changed") or "cost"
    kinds = [kind for kind in KINDS if tab.everybody or kind not in ABOUT_OTHERS]
    kind: Dimension = st.session_state.get("changed_by") or "model"
    every = tab.answer(what_changed, chosen, _ALL) if _comparable(tab) else None
    found = None if every is None else of_kind(every, kind)
    with card(
        "what-changed",
        "What changed",
        _question(found, kind),
        definition=_DEFINITION,
        data=partial(_table, found),
        control=_choose,
        runs={"status": ["error", "timeout", "lost"]} if chosen == "failures" else {},
    ):
        _choose_kind(kinds)
        if found is None:
            st.info(
                "There is no earlier period to compare with. Choose a shorter range.",
                icon=":material/history:",
            )
        elif not found.rows:
            st.info("Nothing changed.", icon=":material/drag_handle:")
        else:
            _chart(found, tab.catalog)


def of_kind(found: Changes, kind: Dimension) -> Changes:
    """The largest contributors of one kind."""
    rows = [row for row in found.rows if row.dimension == kind]
    return replace(found, rows=tuple(rows[:TOP]), counted=len(rows))


def name_of(change: Change, catalog: Catalog) -> str:
    """A contributor in words."""
    if change.name is None:
        return f"no {change.dimension}"
    shown = {"model": catalog.display_name, "agent": agent_title}.get(change.dimension, str)
    return shown(change.name)


def amount(of: Changed, value: int) -> str:
    """A sum of a kind, as people write it."""
    return usd(value) if of == "cost" else count(value)


def signed(of: Changed, value: int) -> str:
    return plus(amount(of, value), value)


def plus(shown: str, value: int) -> str:
    """An amount as a change: with a sign unless it is 0."""
    return f"+{shown}" if value > 0 else shown


def _comparable(tab: Tab) -> bool:
    since, until = tab.keep.since_us, tab.keep.until_us
    assert since is not None
    assert until is not None
    return 2 * since - until >= tab.records_since_us


def _question(found: Changes | None, kind: Dimension) -> str:
    if found is None:
        return "Who made the difference to the period before?"
    what = KINDS[kind].lower()
    name = NAMES[found.of]
    change = signed(found.of, found.now - found.before).replace("$", "\\$")
    now = amount(found.of, found.now).replace("$", "\\$")
    return (
        f"Who made the difference to the period before? {name} {change} to {now}. "
        f"Showing {len(found.rows)} of {count(found.counted)} {what} that differ; their differences add up "
        "to the whole"
    )


def _choose() -> None:
    st.segmented_control(
        "Change of", list(get_args(Changed)), key="changed", default="cost", required=True,
        format_func=NAMES.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def _choose_kind(kinds: list[Dimension]) -> None:
    st.segmented_control(
        "Changes by", kinds, key="changed_by", default="model", required=True,
        format_func=KINDS.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def _chart(found: Changes, catalog: Catalog) -> None:
    names = [name_of(row, catalog) for row in found.rows]
    values = [row.difference for row in found.rows]
    said = [
        f"{name}: {amount(found.of, row.before)} before, {amount(found.of, row.now)} now"
        for name, row in zip(names, found.rows, strict=True)
    ]
    unit = DOLLARS if found.of == "cost" else count_unit(max(map(abs, values)))
    written = usd_alike(values) if found.of == "cost" else count
    marks = [plus(written(value), value) for value in values]
    st.echarts_chart(
        changes(names, values, said, unit, marks), key="chart_changes", height=HEIGHT - 40,
        alt=f"Largest changes of {NAMES[found.of].lower()}: "
        + ", ".join(f"{n} {m}" for n, m in zip(names, marks, strict=True)),
    )  # fmt: skip


def _table(found: Changes | None) -> Table:
    unit = "pico-USD" if found and found.of == "cost" else "count"
    rows = found.rows if found else ()
    return ["by", "name", f"before ({unit})", f"now ({unit})", f"difference ({unit})"], [
        [row.dimension, row.name, row.before, row.now, row.difference] for row in rows
    ]
