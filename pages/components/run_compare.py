"""A run beside another one: figures with their differences, both waterfalls, answers, sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from analytics.timeaxis import local
from core.pricing import format_usd
from pages.components.answer import agent_title
from pages.components.charts_plotly import label_px
from pages.components.dashboard_controls import status_name
from pages.components.dashboard_runs import run_tokens
from pages.components.format import UNKNOWN, count, duration, share
from pages.components.markdown import escape, safe
from pages.components.run_diff import SAME, word_diff
from pages.components.run_head import cost_text, title_line
from pages.components.run_reading import read_related, read_run
from pages.components.run_waterfall import run_end_us, show_waterfall, waterfall_bars

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.queries import RunRow
    from pages.components.run_reading import KnownRun

Value = int | float | None
COST = "Cost"
NOT_COMPARABLE = "not comparable"
_FIGURES: dict[str, tuple[Callable[[RunRow], Value], Callable[[float | None], str]]] = {
    "First token": (lambda r: r.first_token_us, duration),
    "Total": (lambda r: r.duration_us, duration),
    "Time in models": (lambda r: r.model_us, duration),
    "Time in retrieval": (lambda r: r.retrieval_us, duration),
    "Time in tools": (lambda r: r.tool_us, duration),
    "Tokens in": (lambda r: r.usage_input_tokens, count),
    "Cached": (lambda r: r.usage_cache_read_input_tokens, count),
    "Tokens out": (lambda r: r.usage_output_tokens, count),
    "Tokens": (run_tokens, count),
    COST: (lambda r: r.cost_pusd, lambda v: _usd(v)),
    "Attempts": (lambda r: r.llm_attempts, count),
    "Fallbacks": (lambda r: r.fallbacks, count),
    "Tool calls": (lambda r: r.tool_calls, count),
    "Retrievals": (lambda r: r.retrievals, count),
}
ALIKE = 0.3
"""Less than this, and a comparison word by word is harder to read than both texts."""
NOT_FOUND = "There is no such run here: it was deleted or never recorded, or the id is wrong."


def show_compare(runtime: Runtime, known: KnownRun) -> None:
    """The choice of the other run, and both side by side. Raises StorageError."""
    if known.detail is None:
        st.info("Nothing of this run can be compared yet.")
        return
    _choice(runtime, known.detail.run)
    asked = st.query_params.get("with")
    if not asked:
        st.caption("Choose a run of the same thread or comparison, or enter the id of any run.")
        return
    other = None if asked == known.run_id else read_run(runtime, asked)
    if asked == known.run_id:
        st.warning("That is this run itself.", icon=":material/content_copy:")
    elif other is None or other.detail is None:
        st.warning(NOT_FOUND, icon=":material/link_off:")
    else:
        _both(runtime, known, other)


def _choice(runtime: Runtime, run: RunRow) -> None:
    related = {row.run_id: row for row in read_related(runtime, run)}
    zone, catalog = runtime.zone, runtime.catalog

    def name(run_id: str) -> str:
        row = related[run_id]
        who = agent_title(row.agent_name) if row.agent_name else "no agent"
        model = catalog.display_name(row.answer_model) if row.answer_model else "no model"
        at = local(row.started_at_us, zone)
        return f"{at:%d %b, %H:%M:%S} · {who} · {model} · {status_name(row.status)}"

    asked = st.query_params.get("with", "")
    st.session_state["with_related"] = asked if asked in related else None
    st.session_state["with_id"] = asked[:100]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            f"Runs of its thread or comparison ({len(related)})", list(related), key="with_related",
            format_func=name, placeholder="Choose a run", on_change=_choose, args=("with_related",),
            disabled=not related,
        )  # fmt: skip
        st.text_input(
            "Or the id of a run", key="with_id", on_change=_choose, args=("with_id",),
            placeholder="32 letters and digits", max_chars=100,
        )  # fmt: skip


def _choose(key: str) -> None:
    """A callback."""
    chosen = (st.session_state.get(key) or "").strip()
    if chosen:
        st.query_params["with"] = chosen
    else:
        st.query_params.pop("with", None)


def _both(runtime: Runtime, one: KnownRun, other: KnownRun) -> None:
    if one.detail is None or other.detail is None:
        return
    zone, catalog = runtime.zone, runtime.catalog
    st.markdown(
        f"This run: {title_line(one.detail.run, zone, catalog)}  \n"
        f"The other: {title_line(other.detail.run, zone, catalog)}"
    )
    st.page_link(
        "pages/run.py", label="Open the other", icon=":material/open_in_new:",
        query_params={"id": other.run_id},
    )  # fmt: skip
    st.table(
        figures_table(one.detail.run, other.detail.run), border="horizontal",
        alt="Figures of both runs and what the other has more or less",
    )  # fmt: skip
    end_us = max(run_end_us(one.detail), run_end_us(other.detail))
    names_px = max(label_px(waterfall_bars(d, catalog)) for d in (one.detail, other.detail))
    for name, title, detail in (
        ("this", "This run", one.detail),
        ("other", "The other run", other.detail),
    ):
        st.markdown(f"**{title}**")
        show_waterfall(detail, catalog, name=name, end_us=end_us, left_px=names_px)
    _answers(one, other)
    _sources(one, other)


def figures_table(one: RunRow, other: RunRow) -> dict[str, list[str]]:
    """Rows of figures: this run, the other, and other minus this.

    Unknown has no difference, and neither has a cost that lacks the price of a call.
    """
    mine = [of(one) for of, _ in _FIGURES.values()]
    theirs = [of(other) for of, _ in _FIGURES.values()]
    shows = [show for _, show in _FIGURES.values()]
    table = {
        "Figure": list(_FIGURES),
        "This run": [_md(show(value)) for show, value in zip(shows, mine, strict=True)],
        "The other": [_md(show(value)) for show, value in zip(shows, theirs, strict=True)],
        "Difference": [_delta(*row) for row in zip(mine, theirs, shows, strict=True)],
    }
    cost = table["Figure"].index(COST)
    table["This run"][cost], table["The other"][cost] = cost_text(one), cost_text(other)
    known = one.cost_pusd is not None and other.cost_pusd is not None
    if known and not (one.cost_complete and other.cost_complete):
        table["Difference"][cost] = NOT_COMPARABLE
    return table


def _delta(mine: Value, theirs: Value, show: Callable[[float | None], str]) -> str:
    if mine is None or theirs is None:
        return UNKNOWN
    if mine == theirs:
        return "same"
    more = theirs - mine
    relative = f" ({100 * more / mine:+,.0f} %)" if mine else ""
    text = show(abs(more))
    sign = "" if text.startswith("<") else "+" if more > 0 else "−"
    return f"{sign}{_md(text)}{relative}"


def _answers(one: KnownRun, other: KnownRun) -> None:
    st.markdown("**Answers**")
    if not one.answer or not other.answer:
        st.caption("One of the answers is empty or gone, so there is nothing to compare.")
        return
    if one.answer == other.answer:
        st.caption(SAME)
        st.markdown(safe(one.answer))
        return
    diff = word_diff(one.answer, other.answer)
    if diff.alike < ALIKE:
        st.caption(
            f"Only {share(diff.alike)} of the words are the same, so both answers stand in full."
        )
        for column, known in zip(st.columns(2), (one, other), strict=True):
            with column.container(border=True):
                st.markdown(safe(known.answer))
        return
    st.caption(
        f"{share(diff.alike)} the same. Struck out: only in this run's answer. "
        "Bold: only in the other's."
    )
    with st.container(border=True, key="answers_diff"):
        st.markdown(diff.markdown)


def _sources(one: KnownRun, other: KnownRun) -> None:
    mine, theirs = _passages(one), _passages(other)
    if not mine and not theirs:
        return
    st.markdown("**Sources**")
    both = [key for key in mine if key in theirs]
    st.caption(
        f"{len(both)} passages in common, {len(mine) - len(both)} only here, "
        f"{len(theirs) - len(both)} only in the other."
    )
    keys = list(dict.fromkeys([*both, *mine, *theirs]))
    st.table(
        {
            "Passage": [escape((mine | theirs)[key][0]) for key in keys],
            "Rank here": [str(mine[key][1]) if key in mine else "–" for key in keys],
            "Rank in the other": [str(theirs[key][1]) if key in theirs else "–" for key in keys],
        },
        border="horizontal",
        alt="Passages of both runs with their ranks",
    )


def _passages(known: KnownRun) -> dict[tuple[str, str], tuple[str, int]]:
    found = known.transcript.sources
    return {
        (s.document, s.passage_id): (f"{s.document} › {s.heading or s.title}", s.n)
        for s in (found.sources if found else ())
    }


def _usd(value: float | None) -> str:
    return format_usd(None if value is None else round(value))


def _md(text: str) -> str:
    return text.replace("$", "\\$")
