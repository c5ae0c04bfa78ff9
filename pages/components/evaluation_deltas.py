"""What each configuration gains or loses against one of them: differences, intervals, verdicts.

Everything is computed in analytics/ranking; here it is turned to the chosen side and written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.format import MINUS, longer, usd
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from analytics.ranking.decision import PairDecision
    from analytics.ranking.paired import Costs, Ratio
    from analytics.ranking.percentiles import PercentileDifference
    from analytics.ranking.quality import Quality
    from analytics.ranking.verdict import VerdictKind

KINDS: dict[VerdictKind, tuple[str, str, str]] = {
    "better": ("Better", "green", ":material/trending_up:"),
    "not_worse": ("Not worse", "green", ":material/check:"),
    "slightly_worse": ("Slightly worse", "orange", ":material/trending_down:"),
    "worse": ("Worse", "red", ":material/trending_down:"),
    "cannot_tell": ("Cannot tell yet", "gray", ":material/help:"),
    "no_data": ("Nothing to compare", "gray", ":material/hourglass_empty:"),
}
SO_FAR = ("So far", "blue", ":material/hourglass_top:")
ABOUT_ONE = ("better", "not_worse", "slightly_worse", "worse")
NO_FIGURE = "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One difference as people read it, plain text."""

    name: str
    value: str
    interval: str
    help: str


def against(pairs: Sequence[PairDecision], baseline: str) -> list[PairDecision]:
    """The pairs a baseline is in."""
    return [pair for pair in pairs if baseline in (pair.a, pair.b)]


def figures(pair: PairDecision, baseline: str, *, so_far: bool = False) -> list[Figure]:
    """Quality, cost, time and p95 of the other one less those of the baseline, or as its multiple.

    `so_far`: without p values, which would be those of the last of many looks.
    """
    turned = pair.b == baseline
    measured = pair.measured
    return [
        _passes(measured.quality, turned, so_far),
        _cost(measured.costs, turned, so_far),
        _ratio("Time", measured.latency, turned, so_far),
        _p95(measured.p95, turned),
    ]


def say_when(*evaluations: Evaluation) -> None:
    """Says why there are no verdicts yet, or that more answers may change them."""
    found = {one.status for one in evaluations}
    if "running" in found:
        st.caption(
            "Figures so far. Verdicts appear when it has ended or is paused: they hold for a number "
            "of answers that was set beforehand, not for every look on the way."
        )
    elif "paused" in found:
        st.caption("It is paused: verdicts are about the answers there are, and may change.")


def show_pair(
    pair: PairDecision, baseline: str, names: Mapping[str, str], *, so_far: bool = False
) -> None:
    """A card: what may be said, and the figures behind it. `names` of both are plain text.

    `so_far`: more answers come in, so that nothing may be said yet.
    """
    label, color, icon = SO_FAR if so_far else KINDS[pair.verdict.kind]
    if (
        not so_far and pair.verdict.kind in ABOUT_ONE
    ):  # the verdict may be about the baseline: it says of whom
        label = f"{escape(names[pair.b])}: {label.lower()}"
    title = f"{names[pair.b if pair.a == baseline else pair.a]} against {names[baseline]}"
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape(title)}**", width="content")
            st.badge(label, color=color, icon=icon)  # type: ignore[arg-type]
        if not so_far:
            st.markdown(escape(pair.verdict.text))
        with st.grid(4, min_column_width=170):
            for one in figures(pair, baseline, so_far=so_far):
                st.metric(
                    one.name, one.value.replace("$", "\\$"),
                    delta=one.interval.replace("$", "\\$") or None,
                    delta_color="off", delta_arrow="off", help=one.help,
                )  # fmt: skip
        if pair.verdict.notes and not so_far:
            st.caption(" ".join(escape(note) for note in pair.verdict.notes))


def _passes(found: Quality | None, turned: bool, so_far: bool) -> Figure:
    name, what = "Passed", "Difference of the pass rates on the same questions, in points."
    if found is None:
        return Figure(name=name, value=NO_FIGURE, interval="", help=what)
    value, low, high = _turned_difference(found.value, found.low, found.high, turned)
    p = _p(found.p_value, found.p_adjusted, so_far)
    return Figure(
        name=name,
        value=f"{_points(value)} points",
        interval=f"{_points(low)} to {_points(high)}{p}",
        help=f"{what} With its 95 % interval; n = {found.n:,} of {found.of:,}.",
    )


def _cost(found: Costs | None, turned: bool, so_far: bool) -> Figure:
    what = "Cost of the same questions, as a multiple of the baseline's."
    if found is None:
        return Figure(name="Cost", value=NO_FIGURE, interval="", help=f"{what} It is not known.")
    if found.ratio is not None and found.free is None and not found.zeros:
        return _ratio("Cost", found.ratio, turned, so_far)
    a, b = (found.mean_b, found.mean_a) if turned else (found.mean_a, found.mean_b)
    return Figure(
        name="Cost",
        value="Both free" if found.free == "both" else f"{usd(b)} an answer",
        interval="" if found.free == "both" else f"baseline {usd(a)}",
        help="Mean cost of an answer: with free answers there is no ratio.",
    )


def _ratio(name: str, found: Ratio | None, turned: bool, so_far: bool) -> Figure:
    what = f"{name} of the same questions, as a multiple of the baseline's."
    if found is None:
        return Figure(name=name, value=NO_FIGURE, interval="", help=f"{what} It is not known.")
    value, low, high = found.value, found.low, found.high
    if turned:
        value, low, high = 1 / value, 1 / high, 1 / low
    p = _p(found.p_value, found.p_adjusted, so_far)
    return Figure(
        name=name,
        value=f"{_times(value)} ×",
        interval=f"{_times(low)} to {_times(high)}{p}",
        help=f"{what} Under 1 is less. With its 95 % interval; n = {found.n:,} of {found.of:,}.",
    )


def _p95(found: PercentileDifference | None, turned: bool) -> Figure:
    name, what = "p95 of time", "Difference of the 95th percentiles of the time."
    if found is None:
        return Figure(name=name, value=NO_FIGURE, interval="", help=what)
    value, low, high = _turned_difference(found.value, found.low, found.high, turned)
    return Figure(
        name=name,
        value=longer(value),
        interval=f"{longer(low)} to {longer(high)}" if found.sound else "too few answers",
        help=f"{what} With its 95 % interval; n = {found.n:,}.",
    )


def _turned_difference(
    value: float, low: float, high: float, turned: bool
) -> tuple[float, float, float]:
    return (-value, -high, -low) if turned else (value, low, high)


def _signed(text: str, value: float) -> str:
    """Text of the absolute value with its sign; a zero as it is read has none."""
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def _points(value: float) -> str:
    return _signed(f"{abs(value) * 100:.1f}", value)


def _times(ratio: float) -> str:
    return f"{ratio:,.2f}" if ratio < 10 else f"{ratio:,.1f}"


def _p(p_value: float, p_adjusted: float | None, so_far: bool) -> str:
    """What follows an interval. Adjusted for the number of pairs where it was."""
    if so_far:
        return ""
    value = p_value if p_adjusted is None else p_adjusted
    return ", p < 0.001" if value < 0.001 else f", p = {value:.3f}"
