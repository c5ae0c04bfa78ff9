"""What came of an evaluation: where each configuration stands, and what may be said of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.evaluation_deltas import against, say_when, show_pair
from pages.components.evaluation_judge import show_judge
from pages.components.evaluation_only import show_only
from pages.components.evaluation_pareto import show_pareto
from pages.components.evaluation_reading import Loaded, decide, failures, standings, undecided
from pages.components.format import UNKNOWN, count, duration, share, usd_alike
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.ranking.decision import Standing

LIVE_ANSWERS = 1_000
"""While more answers come in, pairs wait: thousands take seconds to compare."""


def show_results(runtime: Runtime, loaded: Loaded) -> None:
    """Draws it; an evaluation without any answer says so."""
    progress = loaded.evaluation.progress
    if not progress.done + progress.failed:
        st.info(
            "No answer yet. Figures appear with the first ones.", icon=":material/hourglass_empty:"
        )
        return
    rows = rows_of(loaded, loaded.labels)
    show_standings(rows, "Passed, times, cost and tokens by configuration")
    if len(loaded.labels) > 1:
        show_pareto(runtime, loaded, rows)
        show_only(loaded)
        _pairs(loaded)
    show_judge(loaded)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One contestant."""

    name: str
    standing: Standing
    tokens: float | None
    """Output tokens of a mean answer."""
    failed: int
    """Answers that did not come about."""
    undecided: int
    """Answers whose checks cannot all be decided."""


def rows_of(loaded: Loaded, names: Sequence[str]) -> list[Row]:
    """Of all configurations, in their order."""
    return [
        Row(
            name=name,
            standing=one,
            tokens=_mean_output(loaded, n),
            failed=failures(loaded, n),
            undecided=undecided(loaded, n),
        )
        for n, (name, one) in enumerate(zip(names, standings(loaded), strict=True))
    ]


def show_standings(rows: Sequence[Row], alt: str) -> None:
    """Draws a column for each contestant."""
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    st.table(pd.DataFrame(standing_cells(rows)), border="horizontal", hide_index=True, alt=alt)
    st.caption(
        "An answer passes when all checks of its question hold. Failed answers do not pass, nor do "
        "undecided ones, whose checks could not all be decided. In brackets the 95 % interval; "
        "repeats and questions about one document are not counted as independent. Times count from "
        "the submit, routing and retrieval included. Grey: too few answers for it."
    )


def standing_cells(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Header to cells, as Markdown; the first column names the rows."""
    found = [row.standing for row in rows]
    money = usd_alike([one.mean_cost_pusd for one in found])
    lines: dict[str, list[str]] = {
        "Passed": [_passed(one) for one in found],
        "Pass rate": [_rate(one) for one in found],
        "Time p50": [duration(one.p50_us) for one in found],
        "Time p95": [_p95(one) for one in found],
        "First token p50": [duration(one.ttft_p50_us) for one in found],
        "Cost of an answer": [money(one.mean_cost_pusd).replace("$", "\\$") for one in found],
        "Tokens out of an answer": [count(row.tokens) for row in rows],
        "Failed answers": [f"{row.failed:,}" for row in rows],
        "Undecided": [f"{row.undecided:,}" for row in rows],
    }
    return {"": list(lines)} | {
        escape(row.name): [cells[n] for cells in lines.values()] for n, row in enumerate(rows)
    }


def _pairs(loaded: Loaded) -> None:
    st.subheader("Against a baseline", anchor=False)
    progress, labels, keys = loaded.evaluation.progress, loaded.labels, loaded.keys
    if loaded.evaluation.status == "running" and progress.total > LIVE_ANSWERS:
        st.caption("Each pair is compared when the evaluation has ended or is paused.")
        return
    baseline = st.selectbox(
        "Baseline", range(len(labels)), format_func=labels.__getitem__, width=420,
        key=f"baseline_{loaded.evaluation.id}",
    )  # fmt: skip
    with st.spinner("Comparing answers to the same questions …"):
        decided = decide(loaded)
    names = dict(zip(keys, labels, strict=True))
    so_far = loaded.evaluation.status == "running"
    say_when(loaded.evaluation)
    for pair in against(decided.pairs, keys[baseline]):
        show_pair(pair, keys[baseline], names, so_far=so_far)
    if so_far:
        return
    st.caption(
        f"Of answers to the same questions, paired; intervals 95 %, p values adjusted for the number "
        f"of pairs (Holm). “Not worse” means not worse by {decided.delta * 100:.0f} points."
    )


def _mean_output(loaded: Loaded, configuration: int) -> float | None:
    """Output tokens of an answer; None when those of none are known."""
    known = [
        one.facts.output_tokens
        for (_, n), several in loaded.cells.items()
        if n == configuration
        for one in several
        if one.status == "done" and one.facts and one.facts.output_tokens is not None
    ]
    return sum(known) / len(known) if known else None


def _passed(one: Standing) -> str:
    if one.quality is None:
        return UNKNOWN
    return f"{round(one.quality * one.quality_n):,} of {one.quality_n:,}"


def _rate(one: Standing) -> str:
    if one.quality is None or one.quality_low is None or one.quality_high is None:
        return UNKNOWN
    low, high = one.quality_low * 100, one.quality_high * 100
    return f"**{share(one.quality)}** ({low:.1f}–{high:.1f})"


def _p95(one: Standing) -> str:
    shown = duration(one.p95_us)
    return shown if one.p95_sound or one.p95_us is None else f":gray[{shown}]"
